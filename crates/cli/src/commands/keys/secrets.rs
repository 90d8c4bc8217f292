//! Key files, opened with passwords from standard input or the terminal.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use keys::encrypted::{Format, Password, format, open_bls, open_eth};
use keys::keystore::document::KeyFile;
use keys::{BlsKey, EthKey, KeyBytes, raw_key};
use provision::Fault;
use provision::host::FileType;
use zeroize::Zeroizing;

use super::place::{given, private, refused};
use super::{ask, parallel};
use crate::context::View;
use crate::exit::Failure;
use crate::printer::Printer;

/// Opens key files. Passwords are read when the first file needs one.
pub struct Secrets<'a> {
    pub view: &'a View,
    from_stdin: bool,
    printer: &'a mut Printer,
    read: Option<Passwords>,
}

/// The passwords that were typed or piped in.
struct Passwords {
    eth: Password,
    /// Present if it is another one. An empty second line is an empty password, or the end of a file with an extra line
    /// break.
    bls: Option<Password>,
}

impl Passwords {
    fn of(&self, format: Format) -> &Password {
        match (format, &self.bls) {
            (Format::Bls, Some(password)) => password,
            _ => &self.eth,
        }
    }
}

/// An encrypted file.
struct EncryptedFile {
    path: PathBuf,
    bytes: Zeroizing<Vec<u8>>,
    format: Format,
    /// The password in the keystore, next to the path of the file.
    beside: Option<Zeroizing<String>>,
}

impl EncryptedFile {
    fn open(&self, password: &Password) -> keys::Result<KeyBytes> {
        match self.format {
            Format::JsonV3 => open_eth(&self.bytes, password).map(|key| key.to_bytes()),
            Format::Bls => open_bls(&self.bytes, password).map(|key| key.to_bytes()),
        }
    }

    /// Opens the file with the first password that fits.
    fn open_with(&self, passwords: &[&Password]) -> keys::Result<KeyBytes> {
        let mut opened = Err(keys::Error::Password);
        for password in passwords {
            if matches!(opened, Err(keys::Error::Password)) {
                opened = self.open(password);
            }
        }
        opened
    }
}

impl<'a> Secrets<'a> {
    /// `from_stdin`: whether the passwords are piped in, instead of typed.
    pub fn new(from_stdin: bool, view: &'a View, printer: &'a mut Printer) -> Self {
        Self {
            view,
            from_stdin,
            printer,
            read: None,
        }
    }

    /// The Ethereum key in a file, encrypted or not.
    pub fn eth(&mut self, path: &Path) -> Result<EthKey, Failure> {
        let key = self.key(path, Format::JsonV3)?;
        EthKey::from_bytes(&key).map_err(|error| bad_file(error, path))
    }

    /// The BLS key in a file, encrypted or not.
    pub fn bls(&mut self, path: &Path) -> Result<BlsKey, Failure> {
        let key = self.key(path, Format::Bls)?;
        BlsKey::from_bytes(&key).map_err(|error| bad_file(error, path))
    }

    fn key(&mut self, path: &Path, expected: Format) -> Result<KeyBytes, Failure> {
        let (meta, bytes) = given(path, self.view)?;
        match format(&bytes) {
            None => {
                private(path, &meta)?;
                raw_key(&bytes).map_err(|error| bad_file(error, path))
            }
            Some(format) if format == expected => {
                let path = path.to_owned();
                let closed = EncryptedFile {
                    path,
                    bytes,
                    format,
                    beside: None,
                };
                Ok(self.opened(&[closed])?.remove(0))
            }
            Some(_) => Err(no_format(path)),
        }
    }

    /// The keys in the files that a keystore names. The files of a directory are in the order of their names.
    pub fn files(
        &mut self,
        keystore: &Path,
        files: &[KeyFile],
    ) -> Result<Vec<Vec<KeyBytes>>, Failure> {
        let mut closed = Vec::new();
        let mut counts = Vec::new();
        for file in files {
            let paths = self.named(keystore, &file.path)?;
            counts.push(paths.len());
            for path in paths {
                let (_, bytes) = given(&path, self.view)?;
                if format(&bytes) != Some(file.format) {
                    return Err(no_format(&path));
                }
                closed.push(EncryptedFile {
                    format: file.format,
                    bytes,
                    path,
                    beside: file.password.clone(),
                });
            }
        }
        let mut keys = self.opened(&closed)?.into_iter();
        let take = |count| keys.by_ref().take(count).collect();
        Ok(counts.into_iter().map(take).collect())
    }

    /// The files that a path in a keystore stands for. Paths of aztec-kit are relative to the keystore. Paths of the official
    /// tool are relative to its working directory, and the node reads them relative to its own (keystore_manager.js of
    /// 4.1.2).
    fn named(&self, keystore: &Path, named: &str) -> Result<Vec<PathBuf>, Failure> {
        let dir = keystore.parent().unwrap_or(Path::new(""));
        let (beside, here) = (dir.join(named), PathBuf::from(named));
        // The official tool may have run in another directory.
        let moved = dir.join(here.file_name().unwrap_or_default());
        let places = [&beside, &here, &moved];
        for place in places {
            let kind = self.view.host.meta(place).map_err(Failure::usage)?;
            match kind.map(|meta| meta.file_type) {
                Some(FileType::Directory) => return self.listed(place),
                Some(_) => return Ok(vec![place.clone()]),
                None => {}
            }
        }
        let [beside, here] = [beside, here].map(|place| place.display().to_string());
        let what = if beside == here {
            format!("the keystore names {here}, which does not exist")
        } else {
            format!("the keystore names {named}, and neither {beside} nor {here} exists")
        };
        Err(Failure::usage(Fault::new(what).fix(
            "Run the command in the directory in which the keystore was created, or move the files beside the keystore.",
        )))
    }

    /// Every `.json` file of a directory, as the node reads it.
    fn listed(&self, dir: &Path) -> Result<Vec<PathBuf>, Failure> {
        let names = self.view.host.list(dir).map_err(Failure::usage)?;
        let names = names.unwrap_or_default().into_iter();
        let mut names: Vec<_> = names.map(PathBuf::from).collect();
        names.retain(|name| {
            let end = name.extension().unwrap_or_default();
            end.eq_ignore_ascii_case("json")
        });
        names.sort();
        if names.is_empty() {
            return Err(Failure::usage(
                Fault::new(format!("{} contains no .json file", dir.display()))
                    .fix("Check the path in the keystore."),
            ));
        }
        Ok(names.into_iter().map(|name| dir.join(name)).collect())
    }

    /// Opens files in parallel, because one takes a second.
    fn opened(&mut self, files: &[EncryptedFile]) -> Result<Vec<KeyBytes>, Failure> {
        // An empty password beside a file may also mean that the password is kept elsewhere.
        let asks = |file: &EncryptedFile| match &file.beside {
            None => true,
            Some(text) => text.is_empty() && self.from_stdin,
        };
        if files.iter().any(asks) {
            self.passwords()?;
        }
        let mut beside: BTreeMap<&str, Password> = BTreeMap::new();
        for text in files.iter().filter_map(|file| file.beside.as_ref()) {
            beside
                .entry(text)
                .or_insert_with(|| Password::new(text.clone()));
        }
        // On a terminal, the operator is asked again if the first BLS file has another password.
        let typed = self.printer.console().is_typed();
        let first_bls = files
            .iter()
            .find(|file| file.format == Format::Bls && file.beside.is_none());
        if let (true, Some(file), Some(read)) = (typed, first_bls, &mut self.read)
            && read.bls.is_none()
            && matches!(file.open(&read.eth), Err(keys::Error::Password))
        {
            let text = ask::secret_or_none("password of the BLS files", &*self.printer.console())?;
            read.bls = Some(Password::new(text));
        }
        let read = &self.read;
        let open = |file: &EncryptedFile| match (&file.beside, read) {
            (Some(text), Some(read)) if text.is_empty() => {
                file.open_with(&[&beside[""], read.of(file.format)])
            }
            (Some(text), _) => file.open(&beside[text.as_str()]),
            (None, Some(read)) if read.of(file.format).is_empty() => {
                file.open_with(&[read.of(file.format), &read.eth])
            }
            (None, Some(read)) => file.open(read.of(file.format)),
            (None, None) => Err(keys::Error::Password),
        };
        parallel::each(files, "files opened", self.printer, open)
            .map_err(|(file, error)| bad_file(error, &file.path))
    }

    fn passwords(&mut self) -> Result<(), Failure> {
        if self.read.is_some() {
            return Ok(());
        }
        let console = self.printer.console();
        if !self.from_stdin && !console.is_typed() {
            return Err(Failure::usage(
                Fault::new("a key is encrypted, and no password was given")
                    .fix("Add --password-stdin and pipe the password in."),
            ));
        }
        // Some tools accept an empty password. Only the file shows whether it is right.
        let text = ask::secret_or_none("password", &*console)?;
        let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        let mut next = || {
            lines
                .next()
                .map(|line| Password::new(Zeroizing::new(line.to_owned())))
        };
        let (eth, bls) = (next(), next());
        if lines.next().is_some() {
            return Err(Failure::usage(
                Fault::new("standard input has more than two lines").fix(
                    "Pipe in one line with the password. If the BLS files have another password, add it as a second line.",
                ),
            ));
        }
        let empty = || Password::new(Zeroizing::new(String::new()));
        self.read = Some(Passwords {
            eth: eth.unwrap_or_else(empty),
            bls,
        });
        Ok(())
    }
}

fn bad_file(error: keys::Error, path: &Path) -> Failure {
    let fix = match error {
        keys::Error::Password => "Check the password. An empty password is tried too.",
        _ => "Check the file.",
    };
    refused(
        error,
        format!("failed to read the key in {}", path.display()),
        fix,
    )
}

fn no_format(path: &Path) -> Failure {
    Failure::usage(
        Fault::new(format!("{} is not the kind of key file that is expected there", path.display()))
            .fix("Use JSON V3 for an Ethereum key, and the format of `aztec validator-keys` or `keys export` for a BLS key."),
    )
}
