//! Files as a compressed archive.

use std::io::Write;

use anyhow::Context as _;
use flate2::{Compression, write::GzEncoder};
use mainsheet_api::time::Timestamp;
use tar::{Builder, Header};

use super::bundle::Collected;

/// Writes all files, in a folder of their own.
///
/// # Errors
/// Where it can't be written.
pub(super) fn write(files: &[Collected], now: Timestamp, to: &mut impl Write) -> anyhow::Result<()> {
    let mut archive = Builder::new(GzEncoder::new(to, Compression::default()));
    for Collected { name, text } in files {
        let mut header = Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(now.0 / 1000);
        archive
            .append_data(&mut header, format!("mainsheet-support/{name}"), text.as_bytes())
            .with_context(|| format!("write `{name}` of the bundle"))?;
    }
    archive.into_inner().and_then(GzEncoder::finish).context("write the bundle")?;
    Ok(())
}
