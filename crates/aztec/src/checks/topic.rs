//! The topics of checks: their names for machines and their words for people.

use std::fmt::Display;

use serde::Serialize;

/// The topic of a check. Its name in JSON is stable. `docs/reference/checks.md` lists all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// The account of the services does not belong to somebody else.
    Account,
    /// The Aztec contracts answer on the L1.
    AztecRegistry,
    /// No two attesters have the same BLS key.
    BlsKeys,
    /// The broker that agents on this host use answers, if it runs elsewhere; the subject is its host.
    Broker,
    /// The Caddyfile can import a file of aztec-kit.
    CaddyConfiguration,
    /// The node and its L1 can be queried.
    Chain,
    /// The settings that a container leaves to its host.
    Container,
    /// The processor has the instructions that the release needs.
    Cpu,
    /// The data directory is usable.
    DataDirectory,
    /// Every disk that was mounted earlier is still mounted; the subject is its mount point.
    DataDisk,
    /// The databases belong to the account of the services.
    DataOwner,
    /// The data directory has no databases of another rollup.
    Databases,
    /// The free space of a disk can be read.
    Disk,
    /// There is enough space for the databases.
    DiskForData,
    /// There is enough space for the image.
    DiskForImage,
    /// There is enough space for the packages of a release.
    DiskForReleases,
    /// The domain of the TLS proxy has an address.
    Domain,
    /// No foreign drop-in changes a unit of aztec-kit; the subject is the file.
    DropIns,
    /// The release understands every variable in the environment files of the node.
    Environment,
    /// Other hosts can reach the intended ports and no others.
    Exposure,
    /// The firewall can be configured.
    Firewall,
    /// The image of the release is on this host, or can be fetched.
    Image,
    /// The registry still has the pinned image under its tag.
    ImageRegistry,
    /// No file has changed since the baseline was recorded.
    Integrity,
    /// The journal of aztec-kit can be read.
    Journal,
    /// The keystore directory exists.
    Keystore,
    /// Each attester is in the keystores only once.
    KeystoreAttesters,
    /// No copy of a keystore lies where a backup would include it.
    KeystoreCopies,
    /// A file of a keystore directory is sound; the subject is the file.
    KeystoreFile,
    /// No publisher of the keystores is another validator's attester.
    KeystorePublishers,
    /// No key of this node is also on another node; the subject is the directory or list of the other node.
    KeystoreShared,
    /// The keystores of a directory form one valid keystore.
    Keystores,
    /// The L1 answers, and is the right chain.
    L1Answers,
    /// A consensus endpoint answers, and is on the right chain; the subject is its host.
    L1Consensus,
    /// An execution endpoint answers, and is on the right chain; the subject is its host.
    L1Execution,
    /// The L1 advances.
    L1Head,
    /// An execution endpoint traces transactions.
    L1Traces,
    /// The L2 advances.
    L2Tip,
    /// The log of a unit has no known errors; the subject is the unit, and `complaint` is from the error dictionary.
    Log,
    /// There is enough memory.
    Memory,
    /// Monitoring can be set up next to the software on the host.
    Monitoring,
    /// The node reports that it is ready.
    NodeAnswers,
    /// The node follows the rollup that it should follow.
    NodeRollup,
    /// Peers can reach the address that the node announces.
    P2pAddress,
    /// Packages can be installed.
    Packages,
    /// The changes that `aztec-kit apply` would make are known.
    Plan,
    /// A port is free, or its own service has it; the subject is the port.
    Port,
    /// Nothing in use listens on a port that will be closed to other hosts.
    PrivatePorts,
    /// The number of prover agents, and its reason.
    ProverAgents,
    /// No foreign container publishes a port past the firewall.
    PublishedPorts,
    /// How aztec-kit knows the release.
    Release,
    /// The release fits the rollup.
    ReleaseFits,
    /// A remote signer answers, and has the keys; the subject is its scheme, host and port.
    RemoteSigner,
    /// A resource can be observed; the subject is its id.
    Resource,
    /// The reverse path filter can be strict.
    ReversePath,
    /// The caller may observe everything.
    Rights,
    /// The runtime of the processes: native or containers.
    Runtime,
    /// systemd can confine services.
    Sandbox,
    /// A unit runs; the subject is the unit.
    Service,
    /// systemd reports the state of the units.
    Services,
    /// Nothing else signs with the keys of an attester; the subject is its address.
    Signer,
    /// SSH lets the operator in, and nobody logs in with a password.
    Ssh,
    /// Current SSH clients can still connect after hardening.
    SshClients,
    /// The release supports the operating system.
    System,
    /// systemd manages this host.
    Systemd,
    /// The TLS proxy can be set up next to the software on the host.
    TlsProxy,
    /// Security upgrades are installed automatically.
    Updates,
    /// No installed web server would take the ports of the TLS proxy when it starts.
    WebServers,
}

impl Topic {
    /// The words for people; `{}` stands for the subject.
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

    /// This topic with a subject.
    pub fn of(self, subject: impl Display) -> About {
        let subject = subject.to_string();
        About {
            topic: self,
            words: self.words().replace("{}", &subject),
            subject: Some(subject),
        }
    }

    /// This topic with other words for people.
    pub fn named(self, words: impl Into<String>) -> About {
        About::from(self).named(words)
    }
}

/// The topic and subject of one check, for machines and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The topic.
    pub topic: Topic,
    /// The subject, if the topic has several.
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
    /// A topic without a subject.
    fn from(topic: Topic) -> Self {
        Self {
            topic,
            subject: None,
            words: topic.words().into(),
        }
    }
}
