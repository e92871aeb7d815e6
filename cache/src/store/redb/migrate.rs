//! Files of older formats, made ones of this format in one transaction: a crash leaves the one or the other.
//!
//! | format | has, that the one before had not |
//! |---|---|
//! | 1 | |
//! | 2 | what commits replaced; terms of records; author and message of commits |

use std::path::Path;

use redb::{Database, ReadableDatabase};

use super::{
    FORMAT,
    fault::Fault,
    read,
    table::{BEFORE, META},
    write,
};

/// Of a file of this format there is nothing to do; one of a newer format is refused by whoever reads it.
pub(super) fn migrate(database: &Database, path: &Path) -> Result<(), Fault> {
    let found = read::format(&database.begin_read()?.open_table(META)?)?;
    if found == 1 {
        from_1(database)?;
        tracing::info!(path = %path.display(), found, now = FORMAT, "the store was of an older format and has been migrated");
    }
    Ok(())
}

/// What its commits replaced was not kept, so nothing before its newest revision can be worked out.
fn from_1(database: &Database) -> Result<(), Fault> {
    let transaction = write::begin(database)?;
    transaction.open_table(BEFORE)?;
    let mut meta = transaction.open_table(META)?;
    let mut standing = read::standing(&meta)?;
    standing.unrecorded = standing.head;
    write::put_standing(&mut meta, &standing)?;
    write::put_format(&mut meta, FORMAT)?;
    drop(meta);
    Ok(transaction.commit()?)
}
