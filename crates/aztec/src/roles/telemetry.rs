//! What a process is told of who watches it.

use crate::env::Value;
use crate::names::port;
use crate::settings::Settings;

/// What a process is told, so that its metrics come here: it only pushes, and to one place.
pub(crate) fn push_env(settings: &Settings) -> Option<(String, Value)> {
    settings.monitoring.as_ref()?;
    let url = format!("http://127.0.0.1:{}/v1/metrics", settings.port(&port::OTLP));
    Some((
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT".into(),
        Value::public(url),
    ))
}

/// What a process is called in its metrics. Its instance id cannot tell it: that is drawn anew at every start,
/// whatever `OTEL_RESOURCE_ATTRIBUTES` says (4.1.2, telemetry-client/dest/otel_resource.js).
pub(crate) fn name_env(settings: &Settings, name: &str) -> Option<(String, Value)> {
    settings.monitoring.as_ref()?;
    Some((
        "OTEL_SERVICE_NAME".into(),
        Value::public(format!("aztec-{name}")),
    ))
}
