//! What checks look at: names for machines, and the words for people beside them.

use std::fmt::Display;

use serde::Serialize;

/// What a check looks at. Its name in JSON is stable, whatever people read; `docs/reference/checks.md` lists all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// The account of the services is not somebody else's.
    Account,
    /// The Aztec contracts answer on the L1.
    AztecRegistry,
    /// No attester has the BLS key of another one.
    BlsKeys,
    /// The broker answers that agents without one beside them ask; the subject is its host.
    Broker,
    /// The configuration of Caddy can take in a file of ours.
    CaddyConfiguration,
    /// The node and its L1 can be asked at all.
    Chain,
    /// What a container leaves to its host.
    Container,
    /// The processor has the instructions that the release needs.
    Cpu,
    /// The data directory can be what it is to be.
    DataDirectory,
    /// Every disk that was there is there; the subject is its mount point.
    DataDisk,
    /// The databases belong to the account of the services.
    DataOwner,
    /// No databases of another rollup lie beside those in use.
    Databases,
    /// A disk can be asked for its free space.
    Disk,
    /// There is room for databases.
    DiskForData,
    /// There is room for the image.
    DiskForImage,
    /// There is room for the packages of a release.
    DiskForReleases,
    /// The domain of the TLS proxy has an address.
    Domain,
    /// Drop-ins of others leave our units as they are; the subject is the file.
    DropIns,
    /// The files with variables of the node say what the release understands.
    Environment,
    /// Other hosts reach the ports that they are meant to reach, and no others.
    Exposure,
    /// The firewall can be what it is to be.
    Firewall,
    /// The image of the release is on this host, or can be fetched.
    Image,
    /// The image that a release pins is still what its registry has under that tag.
    ImageRegistry,
    /// No file has changed since the baseline was recorded.
    Integrity,
    /// The journal of this program can be read.
    Journal,
    /// A keystore directory is there.
    Keystore,
    /// No attester is in the keystores twice.
    KeystoreAttesters,
    /// No copy of a keystore lies where backups and others would take it from.
    KeystoreCopies,
    /// A file of a keystore directory is sound; the subject is the file.
    KeystoreFile,
    /// No publisher of the keystores is somebody else's attester.
    KeystorePublishers,
    /// No key of this node is on another one; the subject is the other one's directory or list.
    KeystoreShared,
    /// The keystores of a directory make one keystore.
    Keystores,
    /// The L1 answers, and is the right one.
    L1Answers,
    /// A consensus endpoint answers, and is the right one; the subject is its host.
    L1Consensus,
    /// An execution endpoint answers, and is the right one; the subject is its host.
    L1Execution,
    /// The L1 is seen to go on.
    L1Head,
    /// An execution endpoint gives traces.
    L1Traces,
    /// The L2 is seen to go on.
    L2Tip,
    /// The log of a unit has nothing to complain of; the subject is the unit, and `complaint` is of the error dictionary.
    Log,
    /// There is memory enough.
    Memory,
    /// Monitoring can be set up beside what is there.
    Monitoring,
    /// The node says that it is ready.
    NodeAnswers,
    /// The node follows the rollup that it is to follow.
    NodeRollup,
    /// The address that the node tells its peers can be reached.
    P2pAddress,
    /// Packages can be installed.
    Packages,
    /// It can be told what `aztec-kit apply` would change.
    Plan,
    /// A port is free, or held by whom it is for; the subject is the port.
    Port,
    /// Nothing in use listens on a port that will be closed to other hosts.
    PrivatePorts,
    /// How many agents prove, and why that many.
    ProverAgents,
    /// Containers of others publish no ports past the firewall.
    PublishedPorts,
    /// What is known of the release.
    Release,
    /// The release fits the rollup.
    ReleaseFits,
    /// A remote signer answers, and has the keys; the subject is its scheme, host and port.
    RemoteSigner,
    /// A resource can be looked at; the subject is its id.
    Resource,
    /// The reverse path filter can be strict.
    ReversePath,
    /// The caller may look at everything.
    Rights,
    /// How the processes run: as packages or in containers.
    Runtime,
    /// systemd can confine services.
    Sandbox,
    /// A unit runs; the subject is the unit.
    Service,
    /// systemd says how the units are.
    Services,
    /// Nothing else signs with the keys of an attester; the subject is its address.
    Signer,
    /// SSH lets the operator in, and nobody by a password.
    Ssh,
    /// Clients of today still connect when SSH is hardened.
    SshClients,
    /// The operating system is one that the release runs on.
    System,
    /// systemd manages this host.
    Systemd,
    /// The TLS proxy can be set up beside what is there.
    TlsProxy,
    /// Security updates come in.
    Updates,
    /// No web server is installed that would take the ports of the TLS proxy once it is started.
    WebServers,
}

impl Topic {
    /// The words for people; `{}` stands for the subject, where they name it.
    fn words(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::AztecRegistry => "Aztec registry",
            Self::BlsKeys => "BLS keys",
            Self::Broker => "broker {}",
            Self::CaddyConfiguration => "Caddy's configuration",
            Self::Chain => "chain",
            Self::Container => "container",
            Self::Cpu => "cpu",
            Self::DataDirectory => "data directory",
            Self::DataDisk => "data disk",
            Self::DataOwner => "data owner",
            Self::Databases => "databases",
            Self::Disk => "disk",
            Self::DiskForData => "disk for data",
            Self::DiskForImage => "disk for the image",
            Self::DiskForReleases => "disk for releases",
            Self::Domain => "domain",
            Self::DropIns => "drop-ins",
            Self::Environment => "environment",
            Self::Exposure => "exposure",
            Self::Firewall => "firewall",
            Self::Image => "image",
            Self::ImageRegistry => "image in its registry",
            Self::Integrity => "integrity",
            Self::Journal => "journal",
            Self::Keystore => "keystore",
            Self::KeystoreAttesters => "attesters",
            Self::KeystoreCopies => "keystore copies",
            Self::KeystoreFile | Self::Resource | Self::Service => "{}",
            Self::KeystorePublishers => "publishers",
            Self::KeystoreShared => "shared with {}",
            Self::Keystores => "keystores",
            Self::L1Answers => "L1 answers",
            Self::L1Consensus => "L1 consensus {}",
            Self::L1Execution => "L1 {}",
            Self::L1Head => "L1 head",
            Self::L1Traces => "L1 traces",
            Self::L2Tip => "L2 tip",
            Self::Log => "log of {}",
            Self::Memory => "memory",
            Self::Monitoring => "monitoring",
            Self::NodeAnswers => "node answers",
            Self::NodeRollup => "node follows its rollup",
            Self::P2pAddress => "p2p address",
            Self::Packages => "packages",
            Self::Plan => "plan",
            Self::Port => "port {}",
            Self::PrivatePorts => "private ports",
            Self::ProverAgents => "prover agents",
            Self::PublishedPorts => "published ports",
            Self::Release => "release",
            Self::ReleaseFits => "release fits",
            Self::RemoteSigner => "remote signer {}",
            Self::ReversePath => "reverse path",
            Self::Rights => "rights",
            Self::Runtime => "runtime",
            Self::Sandbox => "sandbox",
            Self::Services => "services",
            Self::Signer => "signer {}",
            Self::Ssh => "ssh",
            Self::SshClients => "ssh clients",
            Self::System => "system",
            Self::Systemd => "systemd",
            Self::TlsProxy => "TLS proxy",
            Self::Updates => "updates",
            Self::WebServers => "web servers",
        }
    }

    /// What is looked at, of several.
    pub fn of(self, subject: impl Display) -> About {
        let subject = subject.to_string();
        About {
            topic: self,
            words: self.words().replace("{}", &subject),
            subject: Some(subject),
        }
    }

    /// What is looked at, in other words for people.
    pub fn named(self, words: impl Into<String>) -> About {
        About::from(self).named(words)
    }
}

/// What one check looks at, for machines and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// What.
    pub topic: Topic,
    /// Which one, of several.
    pub subject: Option<String>,
    /// The words for people.
    pub words: String,
}

impl About {
    /// The same in other words for people.
    #[must_use]
    pub fn named(self, words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            ..self
        }
    }
}

impl From<Topic> for About {
    /// All there is of it.
    fn from(topic: Topic) -> Self {
        Self {
            topic,
            subject: None,
            words: topic.words().into(),
        }
    }
}
