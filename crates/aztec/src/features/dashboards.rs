//! The dashboards of an Aztec host, in the form of Grafana: data, read from `data/monitoring/dashboards.toml`.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

/// The file.
#[derive(Debug, Deserialize)]
struct Dashboards {
    dashboard: Vec<Dashboard>,
}

/// One dashboard.
#[derive(Debug, Deserialize)]
struct Dashboard {
    name: String,
    title: String,
    panels: Vec<Panel>,
}

/// Title, unit, and queries with their legends.
#[derive(Debug, Deserialize)]
struct Panel(String, String, Vec<(String, String)>);

static DASHBOARDS: LazyLock<Dashboards> = LazyLock::new(|| {
    toml::from_str(include_str!("../../data/monitoring/dashboards.toml"))
        .expect("data/monitoring/dashboards.toml is tested")
});

/// Width and height of a panel, in units of Grafana's grid of 24 columns.
const SIZE: (usize, usize) = (12, 8);

/// The file name and the text of each dashboard.
pub(crate) fn files() -> Vec<(String, String)> {
    let all = DASHBOARDS.dashboard.iter();
    all.map(|board| {
        (
            format!("{}.json", board.name),
            format!("{:#}\n", grafana(board)),
        )
    })
    .collect()
}

/// A dashboard in the schema of Grafana 11 (schemaVersion 39). Grafana migrates older schemas itself.
fn grafana(board: &Dashboard) -> Value {
    let panels: Vec<_> = board.panels.iter().enumerate().map(panel).collect();
    json!({
        "uid": format!("aztec-kit-{}", board.name),
        "title": board.title,
        "tags": ["aztec-kit"],
        "editable": false,
        "refresh": "1m",
        "schemaVersion": 39,
        "time": {"from": "now-6h", "to": "now"},
        "panels": panels,
    })
}

fn panel((at, Panel(title, unit, queries)): (usize, &Panel)) -> Value {
    let (width, height) = SIZE;
    let columns = 24 / width;
    let targets: Vec<_> = queries
        .iter()
        .zip('A'..='Z')
        .map(|((expr, legend), id)| json!({"refId": id.to_string(), "expr": expr, "legendFormat": legend}))
        .collect();
    json!({
        "id": at + 1,
        "type": "timeseries",
        "title": title,
        "datasource": {"type": "prometheus", "uid": "prometheus"},
        "gridPos": {
            "x": at % columns * width, "y": at / columns * height, "w": width, "h": height,
        },
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": targets,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_dashboard_for_each_part_of_a_host() {
        let names: Vec<_> = files().into_iter().map(|(name, _)| name).collect();
        let expected = [
            "node.json",
            "sequencer.json",
            "prover.json",
            "l1.json",
            "host.json",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn panels_are_side_by_side() {
        let board = grafana(&DASHBOARDS.dashboard[0]);
        let at = |panel: usize, axis: &str| board["panels"][panel]["gridPos"][axis].as_u64();
        assert_eq!((at(0, "x"), at(0, "y")), (Some(0), Some(0)));
        assert_eq!((at(1, "x"), at(1, "y")), (Some(12), Some(0)));
        assert_eq!((at(2, "x"), at(2, "y")), (Some(0), Some(8)));
        assert_eq!(
            board["panels"][0]["targets"][0]["expr"],
            "aztec_kit_l2_block"
        );
    }
}
