//! One Aztec process: its unit, its environment file, its data directory. Every role consists of these.

use std::collections::BTreeSet;
use std::path::PathBuf;

use provision::engine::ResourceId;
use provision::host::Engine;
use provision::kinds::{Directory, Disk, File, Owner, Unit};
use provision::systemd;

use super::draft::Draft;
use super::env_file::EnvFile;
use super::keystore::Keystore;
use super::running::Running;
use super::variables::{blob_env, chain_env, instance_env, name_env, push_env};
use super::{base, local};
use crate::container::{self, Container};
use crate::env::{self, Value, Variables};
use crate::kinds::CONTRACT_VARIABLES;
use crate::layout::{self, ACCOUNT, env_file};
use crate::names::{Component, Runtime, units};
use crate::settings::Settings;
use crate::unit::{EngineText, UnitText};

/// The broker's default of 1 MB is too small for the proofs that pass through it (`PayloadTooLargeError`). It applies to
/// the broker only: requests of its clients are limited to 10 MiB, whatever their configuration (4.1.2 and 5.2.0,
/// foundation/dest/json-rpc/client/safe_json_rpc_client.js).
pub(crate) const PROOF_BODY: (&str, &str) = ("RPC_MAX_BODY_SIZE", "50mb");

/// The differences between the processes of an Aztec host.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    /// The component.
    pub component: Component,
    /// Flags of `aztec start`.
    pub flags: Vec<String>,
    /// GiB of memory that it may have in a container.
    pub memory: u64,
    /// Its own variables, which override the shared ones.
    pub env: Variables,
    /// More environment files, after its own.
    pub env_files: Vec<EnvFile>,
    /// Units that must run before it.
    pub needs: Vec<String>,
    /// The keystores that it gets as credentials. It reads them when it starts.
    pub keystore: Option<Keystore>,
    /// Its clean exit codes.
    pub stopped: Vec<u8>,
    /// Seconds that it may take to close its databases.
    pub stop_seconds: u32,
    /// The variables that name a directory for proofs, if it has its own.
    pub scratch_variables: Vec<String>,
    /// Whether it verifies real proofs, for which the release starts bb.
    pub checks_proofs: bool,
    /// Instances of a template unit; none for a plain one.
    pub instances: Vec<String>,
    /// Places that it may write to in addition to its own data directory.
    pub writable: Vec<PathBuf>,
}

impl Process {
    /// A plain process, as the release starts and stops it.
    pub fn new(component: Component, settings: &Settings) -> Self {
        let release = &settings.release;
        Self {
            component,
            flags: release.flags(component).to_vec(),
            stopped: release.facts.stopped.clone(),
            stop_seconds: release.stop_seconds(component),
            scratch_variables: container::scratch_variables(release),
            memory: match component {
                Component::ProverAgent => release.facts.agent.memory_gib,
                _ => container::MEMORY,
            },
            env: Variables::new(),
            env_files: Vec::new(),
            needs: Vec::new(),
            keystore: None,
            checks_proofs: false,
            instances: Vec::new(),
            writable: Vec::new(),
        }
    }

    /// Connects it to the chain: the L1, and on a local network the contracts.
    pub fn on_chain(mut self, settings: &Settings) -> Self {
        self.env.extend(chain_env(settings));
        if settings.local().is_some() {
            self.env_files.push(EnvFile::new(
                local::contracts_id(settings),
                layout::contracts_env(),
                CONTRACT_VARIABLES,
            ));
            self.needs.push(units::L1.to_owned());
        }
        self
    }

    /// Lets it follow the chain block by block, with blobs, and snapshots to start from.
    pub fn follows_chain(mut self, settings: &Settings) -> Self {
        self.env.extend(blob_env(settings));
        if settings.local().is_some() {
            self.writable.push(settings.layout().blobs());
        }
        self.on_chain(settings)
    }

    /// Lets it keep databases in its own directory.
    pub fn keeps_data(self, settings: &Settings) -> Self {
        let data = self.directory(settings);
        self.env("DATA_DIRECTORY", data.display())
    }

    /// Makes it listen on the first of its ports.
    pub fn listens(self, settings: &Settings) -> Self {
        let first = self.component.spec().ports.first();
        match first {
            Some(port) => self.env("AZTEC_PORT", settings.port(port)),
            None => self,
        }
    }

    fn directory(&self, settings: &Settings) -> PathBuf {
        settings.layout().data.join(self.dir())
    }

    /// The name of its environment file and of its data directory.
    fn dir(&self) -> &'static str {
        self.component.spec().dir
    }

    /// Adds a variable that anyone may see.
    pub fn env(self, name: &str, value: impl ToString) -> Self {
        self.set(name, Value::public(value))
    }

    /// Adds a variable.
    pub fn set(mut self, name: &str, value: Value) -> Self {
        self.env.insert(name.into(), value);
        self
    }

    /// The units that run, each with the name of its instance.
    fn running(&self) -> Vec<(String, Option<&str>)> {
        if self.instances.is_empty() {
            return vec![(self.component.spec().unit.into(), None)];
        }
        let names = self.instances.iter().map(String::as_str);
        names
            .map(|name| (self.component.unit_of(name), Some(name)))
            .collect()
    }

    /// Adds the process with everything that it reads. Its services also come after the given resources. Returns their ids.
    pub fn add(
        mut self,
        draft: &mut Draft<'_>,
        after: impl IntoIterator<Item = ResourceId>,
    ) -> Vec<ResourceId> {
        let (settings, base) = (draft.settings, draft.base);
        let spec = self.component.spec();
        let data = self.directory(settings);
        let own = Owner::new(ACCOUNT, ACCOUNT, 0o750);
        let mut before = vec![draft.add(Directory::new(&data, own.clone()), [base.data.clone()])];
        let on = base.on(&data);
        if on.path == data {
            let disk = Disk { path: data.clone() };
            before.push(draft.add(disk, before.clone()));
        }
        if base.choice.runtime == Runtime::Container {
            let scratch = Directory::new(&container::scratch(&data), own);
            before.push(draft.add(scratch, before.clone()));
        }
        before.extend(base.closed.clone());
        before.extend(after);
        let mut inputs = vec![base.input()];
        let path = env_file(spec.dir);
        self.env.extend(push_env(settings));
        if self.instances.is_empty() {
            self.env.extend(name_env(settings, spec.dir));
        }
        let text = env::render(&format!("{}.", spec.title), &self.env);
        let owner = Owner::new("root", ACCOUNT, 0o640);
        let file = draft.add(File::new(&path, text, owner.clone()), [base.etc.clone()]);
        inputs.push((file, path));
        let mut passed: BTreeSet<String> = self.env.keys().cloned().collect();
        passed.retain(|name| !self.env[name].expose().is_empty());
        let mut running = Vec::new();
        for (unit, instance) in self.running() {
            let mut own = Vec::new();
            if let Some(instance) = instance {
                let name = format!("{}-{instance}", spec.dir);
                let path = env_file(&name);
                let variables = instance_env(settings, instance, &name);
                let text = env::render(&format!("{} {instance}.", spec.title), &variables);
                let file = draft.add(File::new(&path, text, owner.clone()), [base.etc.clone()]);
                own.push((file, path));
                passed.extend(variables.into_keys());
            }
            running.push((unit, own));
        }
        for file in std::mem::take(&mut self.env_files) {
            inputs.push((file.id, file.path));
            passed.extend(file.variables);
        }
        let mut text = match base.choice.runtime {
            Runtime::Native => self.native(&inputs, data),
            Runtime::Container => {
                let passed = passed.into_iter().collect();
                self.container(&inputs, data, passed, base.choice.engine)
            }
        };
        let keystore = self.keystore.iter();
        text.on = Some(on);
        inputs.extend(keystore.map(|keystore| (keystore.made_by.clone(), keystore.path.clone())));
        let unit = Unit {
            name: spec.unit.into(),
            text: text.render(ACCOUNT),
            instances: self.instances.clone(),
        };
        draft.add(unit.clone(), []);
        let services = running.into_iter().map(|(name, own)| {
            draft.run(Running {
                unit: unit.clone(),
                name,
                inputs: inputs.iter().cloned().chain(own).collect(),
                after: before.clone(),
            })
        });
        services.collect()
    }

    fn native(&self, inputs: &[(ResourceId, PathBuf)], data: PathBuf) -> UnitText {
        let lock = container::locking(&data, self.instance());
        let command = self.command(base::command());
        // A template has a `%i` in it, a specifier of systemd.
        let exec = format!("/usr/bin/{} {}", lock.join(" "), command.join(" "));
        let mut text = self.common(inputs, data.clone(), systemd::Value::raw(exec));
        let mut set = |name: &str, value| text.environment.push((name.to_owned(), value));
        for (name, value) in base::RUNTIME {
            set(name, systemd::Value::word(value));
        }
        set("HOME", systemd::Value::word(data.display()));
        if self.keystore.is_some() {
            // `%d` is systemd's specifier for the directory of credentials.
            set(KEYS[0], KEYS[1].into());
        }
        if self.checks_proofs {
            for (name, value) in base::bb(&data) {
                set(&name, systemd::Value::word(value));
            }
        }
        text.writable.push(data);
        text.writable.extend(self.writable.iter().cloned());
        text
    }

    fn container(
        &self,
        inputs: &[(ResourceId, PathBuf)],
        data: PathBuf,
        passed: Vec<String>,
        engine: Engine,
    ) -> UnitText {
        let name = format!("aztec-{}{}", self.dir(), self.instance());
        let mut container = Container {
            engine,
            slice: (engine == Engine::Docker).then(|| format!("{name}.slice")),
            name,
            writable: vec![data.clone()],
            readable: self.files().map(|path| (path.clone(), path)).collect(),
            passed,
            env: Vec::new(),
            scratch: container::scratch(&data),
            scratch_variables: self.scratch_variables.clone(),
            memory: self.memory,
            stop_seconds: self.stop_seconds,
            command: container::locking(&data, self.instance()).into(),
        };
        container.writable.extend(self.writable.iter().cloned());
        if self.keystore.is_some() {
            container.env.push(KEYS.map(String::from).into());
            container.readable.push(("%d".into(), "%d".into()));
        }
        container.command.extend(self.command(container::node()));
        let words = container.words("${CONTAINER_IMAGE}", "${CONTAINER_USER}");
        // Image and user are variables of the unit, and `%d` and `%i` are specifiers of systemd.
        let exec = systemd::Value::lines(words.iter().map(systemd::Value::raw));
        // The client runs as root, and a container cannot write to the home of root.
        let mut text = self.common(inputs, "/".into(), exec);
        text.environment = vec![("HOME".into(), "/root".into())];
        text.engine = Some(EngineText {
            unit: engine.unit(),
            removal: systemd::Value::words([
                "/bin/sh".into(),
                "-c".into(),
                systemd::Value::script(container.removal()),
            ]),
            memory: (engine == Engine::Podman).then_some(self.memory),
        });
        text
    }

    /// The parts that both runtimes share.
    fn common(
        &self,
        inputs: &[(ResourceId, PathBuf)],
        working_directory: PathBuf,
        exec: systemd::Value,
    ) -> UnitText {
        let mut environment_files: Vec<_> = inputs
            .iter()
            .map(|(_, path)| path.clone())
            .filter(|path| path.extension().is_some_and(|ending| ending == "env"))
            .collect();
        if !self.instances.is_empty() {
            environment_files.push(env_file(&format!("{}-%i", self.dir())));
        }
        let keystore = self.keystore.as_ref();
        let title = self.component.spec().title;
        let excluded = self.component.excludes();
        let description = match self.instances.is_empty() {
            true => title.into(),
            false => systemd::Value::raw(format!("{title} %i")),
        };
        UnitText {
            needs: self.needs.clone(),
            conflicts: excluded.map(|other| other.spec().unit).collect(),
            needs_files_in: keystore.and_then(Keystore::needed),
            environment_files,
            // Every keystore file is copied into a place that only this service can read.
            credentials: keystore
                .map(|keystore| ("keystore", keystore.handed.clone()))
                .into_iter()
                .collect(),
            checks: keystore.map(Keystore::checks).unwrap_or_default(),
            stopped: self.stopped.clone(),
            stop_seconds: self.stop_seconds,
            ..UnitText::new(description, working_directory, exec)
        }
    }

    /// The suffix of names that are different for each instance.
    fn instance(&self) -> &'static str {
        if self.instances.is_empty() { "" } else { "-%i" }
    }

    fn command(&self, mut command: Vec<String>) -> Vec<String> {
        command.push("start".into());
        command.extend(self.flags.iter().cloned());
        command
    }

    /// Files and directories that its variables name. A file store has the same path inside as outside. The paths are in
    /// the unit, where anyone can read them, because a path is not a secret.
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
        let own = self.writable.clone();
        self.env
            .values()
            .flat_map(|value| value.expose().split(','))
            .filter_map(|value| value.trim().strip_prefix("file://"))
            .filter(move |path| path.starts_with('/') && path.chars().all(plain))
            .map(PathBuf::from)
            .filter(move |path| !own.iter().any(|own| path.starts_with(own)))
            .collect::<BTreeSet<_>>()
            .into_iter()
    }
}

/// The variable for the directory of keys: the credentials of the unit.
const KEYS: [&str; 2] = ["KEY_STORE_DIRECTORY", "%d"];
