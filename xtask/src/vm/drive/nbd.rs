//! The server side of NBD, as far as QEMU uses it
//! (<https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md>).

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;

/// The largest request, in bytes.
const LARGEST: u32 = 32 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
    Flush,
    End,
}

#[derive(Debug)]
pub(super) struct Request {
    pub kind: Kind,
    /// Durable before the reply (`NBD_CMD_FLAG_FUA`).
    pub through: bool,
    pub cookie: u64,
    pub offset: u64,
    pub length: u32,
    pub data: Vec<u8>,
}

const REQUEST: u32 = 0x2560_9513;
const REPLY: u32 = 0x6744_6698;

impl Request {
    pub fn read(mut stream: &UnixStream) -> io::Result<Request> {
        if number::<4>(stream)? != u64::from(REQUEST) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let through = number::<2>(stream)? & 1 != 0;
        let kind = match number::<2>(stream)? {
            0 => Kind::Read,
            1 => Kind::Write,
            2 => Kind::End,
            3 => Kind::Flush,
            _ => return Err(io::ErrorKind::Unsupported.into()),
        };
        let (cookie, offset) = (number::<8>(stream)?, number::<8>(stream)?);
        let length = u32::try_from(number::<4>(stream)?).unwrap_or(u32::MAX);
        if length > LARGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut data = Vec::new();
        if kind == Kind::Write {
            data.resize(length as usize, 0);
            stream.read_exact(&mut data)?;
        }
        Ok(Request {
            kind,
            through,
            cookie,
            offset,
            length,
            data,
        })
    }
}

pub(super) fn reply(mut stream: &UnixStream, request: &Request, data: &[u8]) -> io::Result<()> {
    let mut bytes = REPLY.to_be_bytes().to_vec();
    bytes.extend(0_u32.to_be_bytes());
    bytes.extend(request.cookie.to_be_bytes());
    bytes.extend_from_slice(data);
    stream.write_all(&bytes)
}

const OPTION: u64 = 0x4948_4156_454f_5054;
const OPTION_REPLY: u64 = 0x3_e889_0455_65a9;
/// Flags, flushes, and durable single writes (`NBD_FLAG_HAS_FLAGS`, `_SEND_FLUSH`, `_SEND_FUA`).
const FEATURES: u16 = 1 | 4 | 8;

/// Negotiates with a client. Returns whether it will send requests.
pub(super) fn handshake(mut stream: &UnixStream, size: u64) -> io::Result<bool> {
    // Fixed newstyle, without 124 zeros.
    stream.write_all(&[b"NBDMAGIC", &OPTION.to_be_bytes()[..], &[0, 3]].concat())?;
    number::<4>(stream)?;
    let export = [&size.to_be_bytes()[..], &FEATURES.to_be_bytes()].concat();
    loop {
        if number::<8>(stream)? != OPTION {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let (option, length) = (number::<4>(stream)?, number::<4>(stream)?);
        io::copy(&mut stream.take(length), &mut io::sink())?;
        let reply = |kind: u32, data: &[u8]| {
            let option = u32::try_from(option).unwrap_or_default();
            let length = u32::try_from(data.len()).unwrap_or_default();
            let mut bytes = OPTION_REPLY.to_be_bytes().to_vec();
            for word in [option, kind, length] {
                bytes.extend(word.to_be_bytes());
            }
            bytes.extend_from_slice(data);
            let mut stream = stream;
            stream.write_all(&bytes)
        };
        match option {
            // The name of an export. There is only one.
            1 => {
                stream.write_all(&export)?;
                return Ok(true);
            }
            2 => {
                reply(1, &[])?;
                return Ok(false);
            }
            // Information about the export. 7 also selects it.
            6 | 7 => {
                reply(3, &[&[0, 0][..], &export].concat())?;
                reply(1, &[])?;
                if option == 7 {
                    return Ok(true);
                }
            }
            _ => reply(1 << 31 | 1, &[])?,
        }
    }
}

/// A big-endian number of so many bytes.
fn number<const BYTES: usize>(mut stream: &UnixStream) -> io::Result<u64> {
    let mut bytes = [0; BYTES];
    stream.read_exact(&mut bytes)?;
    Ok(bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte)))
}
