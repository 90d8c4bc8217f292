//! A text that was compressed when the program was compiled.

use std::io::{Read, Result};

use flate2::read::ZlibDecoder;

/// The text of zlib data, RFC 1950.
///
/// # Errors
///
/// When it is not that of a text.
pub fn inflated(zlib: &[u8]) -> Result<String> {
    let mut text = String::new();
    ZlibDecoder::new(zlib).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::Compression;
    use flate2::read::ZlibEncoder;

    use super::inflated;

    #[test]
    fn half_of_it_is_no_text() -> std::io::Result<()> {
        let text = "packages ".repeat(100);
        let mut zlib = Vec::new();
        ZlibEncoder::new(text.as_bytes(), Compression::best()).read_to_end(&mut zlib)?;
        assert_eq!(inflated(&zlib)?, text);
        assert!(inflated(&zlib[..zlib.len() / 2]).is_err());
        Ok(())
    }
}
