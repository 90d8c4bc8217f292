//! Decompresses a text that was compressed at compile time.

use std::io::{Read, Result};

use flate2::read::ZlibDecoder;

/// Decompresses a text from zlib data (RFC 1950).
///
/// # Errors
///
/// If the data is not complete zlib data, or its content is not UTF-8.
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
    fn half_of_the_data_is_an_error() -> std::io::Result<()> {
        let text = "packages ".repeat(100);
        let mut zlib = Vec::new();
        ZlibEncoder::new(text.as_bytes(), Compression::best()).read_to_end(&mut zlib)?;
        assert_eq!(inflated(&zlib)?, text);
        assert!(inflated(&zlib[..zlib.len() / 2]).is_err());
        Ok(())
    }
}
