//! The topics of checks: their names for machines, their words for people, and their reasons.

use std::fmt::Display;

use serde::Serialize;

/// One table: the reason of each topic (what is true when its checks pass), its name, and its words for people, in which
/// `{}` stands for the subject.
macro_rules! topics {
    ($($(#[doc = $reason:literal])+ $topic:ident $words:literal)+) => {
        /// The topic of a check. Its name in JSON is stable. `docs/reference/checks.md` lists all of them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "kebab-case")]
        pub enum Topic {
            $($(#[doc = $reason])+ $topic,)+
        }

        impl Topic {
            /// All topics, in the order of their names.
            pub const ALL: &[Self] = &[$(Self::$topic,)+];

            fn words(self) -> &'static str {
                match self { $(Self::$topic => $words,)+ }
            }

            /// What is true when the checks of this topic pass.
            pub fn reason(self) -> &'static str {
                match self { $(Self::$topic => concat!($($reason),+).trim_start(),)+ }
            }
        }
    };
}

topics! {
    /// The account of the services does not belong to somebody else.
    Account "account"
    /// The Aztec contracts answer on the L1.
    AztecRegistry "Aztec registry"
    /// No two attesters have the same BLS key.
    BlsKeys "BLS keys"
    /// The broker that agents on this host use answers, if it runs elsewhere; the subject is its host.
    Broker "broker {}"
    /// The Caddyfile can import a file of aztec-kit.
    CaddyConfiguration "Caddy's configuration"
    /// The node and its L1 can be queried.
    Chain "chain"
    /// The clock is synchronized, and not off by more than 100 ms.
    Clock "clock"
    /// The settings that a container leaves to its host.
    Container "container"
    /// The processor has the instructions that the release needs, and enough cores.
    Cpu "cpu"
    /// The data directory is usable.
    DataDirectory "data directory"
    /// Every disk that was mounted earlier is still mounted; the subject is its mount point.
    DataDisk "data disk"
    /// The databases belong to the account of the services.
    DataOwner "data owner"
    /// The data directory has no databases of another rollup.
    Databases "databases"
    /// The free space of a disk can be read.
    Disk "disk"
    /// There is enough space for the databases.
    DiskForData "disk for data"
    /// There is enough space for the image.
    DiskForImage "disk for the image"
    /// There is enough space for the packages of a release.
    DiskForReleases "disk for releases"
    /// The disk of the data answers enough random reads.
    DiskSpeed "disk speed"
    /// The domain of the TLS proxy has an address.
    Domain "domain"
    /// No foreign drop-in changes a unit of aztec-kit; the subject is the file.
    DropIns "drop-ins"
    /// The release understands every variable in the environment files of the node.
    Environment "environment"
    /// Other hosts can reach the intended ports and no others.
    Exposure "exposure"
    /// The databases work on the file system of the data.
    FileSystem "file system"
    /// The firewall can be configured.
    Firewall "firewall"
    /// The image of the release is on this host, or can be fetched.
    Image "image"
    /// The registry still has the pinned image under its tag.
    ImageRegistry "image in its registry"
    /// The file system of the data can have more files.
    Inodes "inodes"
    /// No file has changed since the baseline was recorded.
    Integrity "integrity"
    /// The journal of aztec-kit can be read.
    Journal "journal"
    /// The keystore directory exists.
    Keystore "keystore"
    /// Each attester is in the keystores only once.
    KeystoreAttesters "attesters"
    /// No copy of a keystore lies where a backup would include it.
    KeystoreCopies "keystore copies"
    /// A file of a keystore directory is sound; the subject is the file.
    KeystoreFile "{}"
    /// No publisher of the keystores is another validator's attester.
    KeystorePublishers "publishers"
    /// No key of this node is also on another node; the subject is the directory or list of the other node.
    KeystoreShared "shared with {}"
    /// The keystores of a directory form one valid keystore.
    Keystores "keystores"
    /// A consensus endpoint serves new and old blobs; the subject is as for `l1-consensus`.
    L1Blobs "L1 blobs {}"
    /// An execution endpoint runs a client without known problems; the subject is as for `l1-execution`.
    L1Client "L1 client {}"
    /// A consensus endpoint answers, is on the right chain, and synced; the subject is its place in `l1.consensus_urls`, and
    /// scheme, host and port.
    L1Consensus "L1 consensus {}"
    /// An execution endpoint answers, is on the right chain, and has a new head; the subject is its place in `l1.rpc_urls`, and
    /// scheme, host and port.
    L1Execution "L1 {}"
    /// The L1 advances.
    L1Head "L1 head"
    /// An execution endpoint has the logs of the rollup's deployment; the subject is as for `l1-execution`.
    L1Logs "L1 logs {}"
    /// An execution endpoint takes many calls at once; the subject is as for `l1-execution`.
    L1Quota "L1 quota {}"
    /// A consensus endpoint follows the chain of the execution endpoints; the subject is as for `l1-consensus`.
    L1SameChain "L1 same chain {}"
    /// An execution endpoint traces transactions.
    L1Traces "L1 traces"
    /// The L2 advances.
    L2Tip "L2 tip"
    /// The log of a unit has no known errors; the subject is the unit, and `log` has the entry of the error dictionary.
    Log "log of {}"
    /// There is enough memory.
    Memory "memory"
    /// Monitoring can be set up next to the software on the host.
    Monitoring "monitoring"
    /// The announced address is on this host, or its port can be forwarded.
    Nat "NAT"
    /// The node reports that it is ready.
    NodeAnswers "node answers"
    /// The node follows the rollup that it should follow.
    NodeRollup "node follows its rollup"
    /// Peers can reach the address that the node announces.
    P2pAddress "p2p address"
    /// Packages can be installed.
    Packages "packages"
    /// The changes that `aztec-kit apply` would make are known.
    Plan "plan"
    /// A port is free, or its own service has it; the subject is the port.
    Port "port {}"
    /// Nothing in use listens on a port that will be closed to other hosts.
    PrivatePorts "private ports"
    /// The number of prover agents, and its reason.
    ProverAgents "prover agents"
    /// No foreign container publishes a port past the firewall.
    PublishedPorts "published ports"
    /// How aztec-kit knows the release.
    Release "release"
    /// The release fits the rollup.
    ReleaseFits "release fits"
    /// A remote signer answers, and has the keys; the subject is its scheme, host and port.
    RemoteSigner "remote signer {}"
    /// A resource can be observed; the subject is its id.
    Resource "{}"
    /// The reverse path filter can be strict.
    ReversePath "reverse path"
    /// The caller may observe everything.
    Rights "rights"
    /// The runtime of the processes: native or containers.
    Runtime "runtime"
    /// systemd can confine services.
    Sandbox "sandbox"
    /// A unit runs; the subject is the unit.
    Service "{}"
    /// systemd reports the state of the units.
    Services "services"
    /// Nothing else signs with the keys of an attester; the subject is its address.
    Signer "signer {}"
    /// SSH lets the operator in, and nobody logs in with a password.
    Ssh "ssh"
    /// Current SSH clients can still connect after hardening.
    SshClients "ssh clients"
    /// The hypervisor leaves this host its processor time.
    StolenTime "stolen time"
    /// The release supports the operating system.
    System "system"
    /// systemd manages this host.
    Systemd "systemd"
    /// The TLS proxy can be set up next to the software on the host.
    TlsProxy "TLS proxy"
    /// Security upgrades are installed automatically.
    Updates "updates"
    /// No installed web server would take the ports of the TLS proxy when it starts.
    WebServers "web servers"
}

impl Topic {
    /// The name for machines.
    pub fn name(self) -> String {
        let name = serde_json::to_value(self).unwrap_or_default();
        name.as_str().unwrap_or_default().to_owned()
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
    /// A topic without a subject: the check as a whole, if its topic has subjects.
    fn from(topic: Topic) -> Self {
        let words = topic.words().replace("{}", "");
        let words = match words.trim() {
            "" => topic.name(),
            words => words.to_owned(),
        };
        Self {
            topic,
            subject: None,
            words,
        }
    }
}
