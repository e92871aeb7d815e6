//! The vocabulary as rows, and back. The rows are `api/proto/mainsheet/store/v1/store.proto`.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use mainsheet_api::{
    change::{Cause, Change, Commit, Committed},
    generated::mainsheet::store::v1 as rows,
    key::Key,
    kind::Kind,
    resource::{Lease, Over, Provenance, Record, SourceName, Terms},
    time::Timestamp,
    verdict::{Finding, Position, Severity},
    version::{ResourceVersion, Revision},
    view::Audience,
    wire::Entry,
};
use prost::{DecodeError, Message};

use super::{Recorded, Stored, rules};

/// Why a row can't be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// Of a kind that this version does not have. Skipping it would take it from every sink without a word.
    #[error("kind `{0}` is not known")]
    Kind(String),
    /// No row of ours.
    #[error("row lacks its {0}")]
    Incomplete(&'static str),
    /// No protobuf.
    #[error(transparent)]
    Protobuf(#[from] DecodeError),
}

/// Bytes of changes in one part of a commit: small enough for stores that bound a value (etcd takes 1.5 MiB a request),
/// and under 512 KiB with what goes around it, because redb rounds large values up to a power of two.
pub(super) const PART_BYTES_MAX: usize = 480 << 10;

/// A commit as it is kept.
pub(super) struct EncodedCommit {
    /// In order; at least one change is in each.
    pub(super) parts: Vec<Bytes>,
    /// What it replaced, in order.
    pub(super) before: Vec<Bytes>,
    /// By how much all of it counts against the bound.
    pub(super) weight: u64,
}

/// A commit, and what each of its changes replaced; none where that is not known.
pub(super) fn encode_commit(commit: &Commit, before: Option<&[Option<Stored>]>) -> EncodedCommit {
    let weights: Vec<usize> = commit.changes.iter().map(rules::weight).collect();
    let parts = cut(&weights);
    let encoded_before = before.map(encode_before).unwrap_or_default();
    let weight = weights.iter().sum::<usize>() as u64;
    let before_weight = before.map_or(0, rules::weight_before) as u64;
    let mut header = Some(rows::CommitHeader {
        cause: commit.cause.what.clone(),
        author: commit.cause.author.clone(),
        message: commit.cause.message.clone(),
        at: commit.at.0,
        parts: u32::try_from(parts.len()).unwrap_or(u32::MAX),
        changes: u32::try_from(commit.changes.len()).unwrap_or(u32::MAX),
        weight,
        before_parts: u32::try_from(encoded_before.len()).unwrap_or(u32::MAX),
        before_weight,
    });
    let mut changes = commit.changes.iter();
    let mut encode = |len: usize| {
        let changes = changes.by_ref().take(len).map(change_to_row).collect();
        rows::CommitPart { header: header.take(), changes }.encode_to_vec().into()
    };
    let parts = parts.into_iter().map(&mut encode).collect();
    EncodedCommit { parts, before: encoded_before, weight: weight + before_weight }
}

fn encode_before(before: &[Option<Stored>]) -> Vec<Bytes> {
    let weights: Vec<usize> =
        before.iter().map(|one| rules::weight_before(std::slice::from_ref(one))).collect();
    let mut rest = before.iter();
    let mut encode = |len: usize| {
        let before =
            rest.by_ref().take(len).map(|stored| rows::Before { row: stored.as_ref().map(stored_to_row) });
        rows::BeforePart { before: before.collect() }.encode_to_vec().into()
    };
    cut(&weights).into_iter().map(&mut encode).collect()
}

/// How many neighbours go into each part.
pub(super) fn cut(weights: &[usize]) -> Vec<usize> {
    let mut parts = Vec::new();
    let (mut len, mut bytes) = (0, 0);
    for weight in weights {
        if len > 0 && bytes + weight > PART_BYTES_MAX {
            parts.push(len);
            (len, bytes) = (0, 0);
        }
        len += 1;
        bytes += weight;
    }
    parts.push(len);
    parts
}

/// What a commit's first part says of it.
pub(super) fn decode_header(part: &Bytes) -> Result<rows::CommitHeader, Unreadable> {
    rows::CommitPartHead::decode(part.clone())?.header.ok_or(Unreadable::Incomplete("header"))
}

/// A commit from all of its parts.
pub(super) fn decode_commit(revision: Revision, parts: Vec<Bytes>) -> Result<Committed, Unreadable> {
    let mut header = None;
    let mut changes = Vec::new();
    for part in parts {
        let part = rows::CommitPart::decode(part)?;
        header = header.or(part.header);
        for change in part.changes {
            changes.push(change_from_row(change)?);
        }
    }
    let header = header.ok_or(Unreadable::Incomplete("header"))?;
    if u32::try_from(changes.len()) != Ok(header.changes) {
        return Err(Unreadable::Incomplete("changes"));
    }
    let cause = Cause { what: header.cause, author: header.author, message: header.message };
    Ok(Committed { revision, cause, at: Timestamp(header.at), changes })
}

/// What a commit replaced, from all of its parts.
pub(super) fn decode_before(committed: Committed, parts: Vec<Bytes>) -> Result<Recorded, Unreadable> {
    let mut before = Vec::new();
    for part in parts {
        for one in rows::BeforePart::decode(part)?.before {
            before.push(one.row.map(|row| stored_from_row(detached(row))).transpose()?.flatten());
        }
    }
    if before.len() != committed.changes.len() {
        return Err(Unreadable::Incomplete("history"));
    }
    Ok(Recorded { committed, before })
}

/// With bytes of its own: what is decoded from a part shares its bytes, and one record that is kept would keep all.
pub(super) fn detached(mut row: rows::Row) -> rows::Row {
    if let Some(entry) = row.record.as_mut().and_then(|record| record.entry.as_mut()) {
        entry.any = Bytes::copy_from_slice(&entry.any);
    }
    row
}

/// What is known of one (source, key).
pub(super) fn encode_row(changed: Revision, change: &Change) -> Vec<u8> {
    let record = match change {
        Change::Put(record) => Some(record_to_row(record)),
        Change::Remove { .. } => None,
    };
    rows::Row { changed: changed.0, record }.encode_to_vec()
}

/// When it changed last, without a look at the rest.
pub(super) fn decode_row_changed(row: &[u8]) -> Result<Revision, Unreadable> {
    Ok(Revision(rows::RowHead::decode(row)?.changed))
}

/// The record and when it changed last, or `None` where it was removed.
pub(super) fn decode_row(row: Bytes) -> Result<Option<Stored>, Unreadable> {
    stored_from_row(rows::Row::decode(row)?)
}

pub(super) fn stored_to_row(Stored { changed, record }: &Stored) -> rows::Row {
    rows::Row { changed: changed.0, record: Some(record_to_row(record)) }
}

pub(super) fn stored_from_row(row: rows::Row) -> Result<Option<Stored>, Unreadable> {
    let Some(record) = row.record else { return Ok(None) };
    Ok(Some(Stored { changed: Revision(row.changed), record: Arc::new(record_from_row(record)?) }))
}

/// (source, key) as the key of a row: each text with its length, so that no two places are the same bytes.
pub(super) fn encode_place(source: &SourceName, key: &Key) -> Vec<u8> {
    let kind = key.kind.info();
    let texts = [kind.group, kind.name, &key.namespace, &key.name, &key.scope, &source.0];
    let mut place = Vec::with_capacity(texts.iter().map(|text| 4 + text.len()).sum());
    for text in texts {
        place.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        place.extend(text.as_bytes());
    }
    place
}

fn change_to_row(change: &Change) -> rows::Change {
    let change = match change {
        Change::Put(record) => rows::change::Change::Put(record_to_row(record)),
        Change::Remove { source, key } => rows::change::Change::Remove(rows::Removal {
            source: source.0.to_string(),
            key: Some(key_to_row(key)),
        }),
    };
    rows::Change { change: Some(change) }
}

fn change_from_row(row: rows::Change) -> Result<Change, Unreadable> {
    match row.change.ok_or(Unreadable::Incomplete("change"))? {
        rows::change::Change::Put(mut record) => {
            // What is decoded from a part shares its bytes; one record that is kept would keep all of them.
            if let Some(entry) = &mut record.entry {
                entry.any = Bytes::copy_from_slice(&entry.any);
            }
            Ok(Change::Put(Arc::new(record_from_row(record)?)))
        }
        rows::change::Change::Remove(removal) => {
            Ok(Change::Remove { source: SourceName(removal.source.into()), key: key_from_row(removal.key)? })
        }
    }
}

fn record_to_row(record: &Record) -> rows::Record {
    rows::Record {
        source: record.source.0.to_string(),
        key: Some(key_to_row(&record.key)),
        entry: Some(rows::Entry {
            name: record.entry.name.to_string(),
            version: record.entry.version.to_string(),
            any: record.entry.any.clone(),
            ttl: record.entry.ttl.map(millis).unwrap_or_default(),
        }),
        audience: record.audience.as_str().to_owned(),
        created: record.created.0,
        provenance: Some(rows::Provenance {
            origin: record.provenance.origin.clone(),
            line: record.provenance.line,
        }),
        warnings: record.warnings.iter().map(finding_to_row).collect(),
        terms: terms_to_row(&record.terms),
    }
}

fn record_from_row(row: rows::Record) -> Result<Record, Unreadable> {
    let entry = row.entry.ok_or(Unreadable::Incomplete("entry"))?;
    let provenance = row.provenance.unwrap_or_default();
    Ok(Record {
        source: SourceName(row.source.into()),
        key: key_from_row(row.key)?,
        entry: Entry {
            name: entry.name.into(),
            version: ResourceVersion::new(entry.version),
            any: entry.any,
            ttl: (entry.ttl > 0).then(|| Duration::from_millis(entry.ttl)),
        },
        audience: Audience::from_text(row.audience),
        created: Timestamp(row.created),
        provenance: Provenance { origin: provenance.origin, line: provenance.line },
        warnings: row.warnings.into_iter().map(finding_from_row).collect::<Result<_, _>>()?,
        terms: row.terms.map(terms_from_row).unwrap_or_default(),
    })
}

/// None for the usual ones.
fn terms_to_row(terms: &Terms) -> Option<rows::Terms> {
    let Terms { lease, set, over } = terms;
    (*terms != Terms::default()).then(|| rows::Terms {
        lease: lease.map(|lease| rows::Lease { ttl: millis(lease.ttl), deadline: lease.deadline.0 }),
        set: set.as_deref().unwrap_or_default().to_owned(),
        over: over.as_ref().map(|over| rows::Over {
            version: over.version.as_ref().map(ToString::to_string).unwrap_or_default(),
        }),
    })
}

fn terms_from_row(row: rows::Terms) -> Terms {
    Terms {
        lease: row.lease.map(|lease| Lease {
            ttl: Duration::from_millis(lease.ttl),
            deadline: Timestamp(lease.deadline),
        }),
        set: (!row.set.is_empty()).then(|| row.set.into()),
        over: row.over.map(|over| Over {
            version: (!over.version.is_empty()).then(|| ResourceVersion::new(over.version)),
        }),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn key_to_row(key: &Key) -> rows::Key {
    let kind = key.kind.info();
    rows::Key {
        group: kind.group.to_owned(),
        kind: kind.name.to_owned(),
        namespace: key.namespace.to_string(),
        name: key.name.to_string(),
        scope: key.scope.to_string(),
    }
}

fn key_from_row(row: Option<rows::Key>) -> Result<Key, Unreadable> {
    let row = row.ok_or(Unreadable::Incomplete("key"))?;
    let kind = Kind::of_stored(&row.group, &row.kind)
        .ok_or_else(|| Unreadable::Kind(format!("{}/{}", row.group, row.kind)))?;
    Ok(Key { kind, namespace: row.namespace.into(), name: row.name.into(), scope: row.scope.into() })
}

fn finding_to_row(finding: &Finding) -> rows::Finding {
    let severity = match finding.severity {
        Severity::Warning => rows::Severity::Warning,
        Severity::Error => rows::Severity::Error,
    };
    rows::Finding {
        code: finding.code.clone(),
        severity: severity.into(),
        path: finding.path.clone(),
        line: finding.position.line,
        column: finding.position.column,
        reason: finding.reason.clone(),
        remedy: finding.remedy.clone(),
    }
}

fn finding_from_row(row: rows::Finding) -> Result<Finding, Unreadable> {
    let severity = match row.severity() {
        rows::Severity::Warning => Severity::Warning,
        rows::Severity::Error => Severity::Error,
        rows::Severity::Unspecified => return Err(Unreadable::Incomplete("severity")),
    };
    Ok(Finding {
        code: row.code,
        severity,
        path: row.path,
        position: Position { line: row.line, column: row.column },
        reason: row.reason,
        remedy: row.remedy,
    })
}

#[cfg(test)]
mod tests;
