use std::collections::BTreeSet;

use mainsheet_api::limits::OPAQUE_KINDS_MAX;
use proptest::{collection::vec, option, prelude::*};

use super::*;

fn key() -> impl Strategy<Value = Key> {
    let opaque = || Kind::opaque("example.com/v1/Widget").expect("one kind of the few in this process");
    let kind = (0..=Kind::all().count()).prop_map(move |index| Kind::all().nth(index).unwrap_or_else(opaque));
    (kind, "[a-c\0]{0,3}", "[a-c\0]{0,3}", "[a-c\0]{0,2}").prop_map(|(kind, namespace, name, scope)| Key {
        scope: scope.into(),
        ..Key::new(kind, namespace, name)
    })
}

fn finding() -> impl Strategy<Value = Finding> {
    let severity = prop_oneof![Just(Severity::Warning), Just(Severity::Error)];
    (".{0,4}", severity, ".{0,4}", any::<(u32, u32)>(), ".{0,4}", ".{0,4}").prop_map(
        |(code, severity, path, (line, column), reason, remedy)| Finding {
            code,
            severity,
            path,
            position: Position { line, column },
            reason,
            remedy,
        },
    )
}

fn record() -> impl Strategy<Value = Record> {
    let ttl = option::of(1..u64::MAX).prop_map(|ttl| ttl.map(Duration::from_millis));
    let entry = (".{0,4}", ".{0,4}", vec(any::<u8>(), 0..9), ttl).prop_map(|(name, version, any, ttl)| {
        Entry { name: name.into(), version: ResourceVersion::new(version), any: any.into(), ttl }
    });
    let provenance = (".{0,4}", any::<u32>()).prop_map(|(origin, line)| Provenance { origin, line });
    (".{0,3}", key(), entry, ".{0,4}", any::<u64>(), (provenance, vec(finding(), 0..3), terms())).prop_map(
        |(source, key, entry, audience, created, (provenance, warnings, terms))| Record {
            source: SourceName(source.into()),
            key,
            entry,
            audience: Audience::from_text(audience),
            created: Timestamp(created),
            provenance,
            warnings,
            terms,
        },
    )
}

fn terms() -> impl Strategy<Value = Terms> {
    let lease = (any::<u32>(), any::<u64>()).prop_map(|(ttl, deadline)| Lease {
        ttl: Duration::from_millis(ttl.into()),
        deadline: Timestamp(deadline),
    });
    let over = option::of(".{1,4}").prop_map(|version| Over { version: version.map(ResourceVersion::new) });
    (option::of(lease), option::of(".{1,4}"), option::of(over)).prop_map(|(lease, set, over)| Terms {
        lease,
        set: set.map(Into::into),
        over,
    })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        record().prop_map(|record| Change::Put(Arc::new(record))),
        (".{0,3}", key()).prop_map(|(source, key)| Change::Remove { source: SourceName(source.into()), key }),
    ]
}

fn commit(changes: Vec<Change>) -> Commit {
    Commit {
        base: Revision(6),
        fence: mainsheet_api::change::Fence(3),
        cause: "source files".into(),
        at: Timestamp(9),
        changes,
    }
}

proptest! {
    #[test]
    fn commit_is_read_as_it_was_written(changes in vec((change(), option::of((any::<u64>(), record()))), 1..6)) {
        let (changes, before): (Vec<_>, Vec<_>) = changes.into_iter().unzip();
        let before: Vec<_> = before.into_iter().map(|one| one.map(|(changed, record)| {
            Stored { changed: Revision(changed), record: Arc::new(record) }
        })).collect();
        let commit = commit(changes);
        let EncodedCommit { parts, before: before_parts, weight } = encode_commit(&commit, Some(&before));
        let header = decode_header(&parts[0]).unwrap();
        prop_assert_eq!((header.parts as usize, header.before_parts as usize), (parts.len(), before_parts.len()));
        prop_assert_eq!(header.weight + header.before_weight, weight);
        let committed = Committed { revision: Revision(7), cause: commit.cause, at: commit.at, changes: commit.changes };
        prop_assert_eq!(&decode_commit(Revision(7), parts).unwrap(), &committed);
        let recorded = decode_before(committed.clone(), before_parts).unwrap();
        prop_assert_eq!(recorded, Recorded { committed, before });
    }

    #[test]
    fn row_is_read_as_it_was_written(change in change(), changed: u64) {
        let row = encode_row(Revision(changed), &change);
        prop_assert_eq!(decode_row_changed(&row).unwrap(), Revision(changed));
        let expected = match change {
            Change::Put(record) => Some(Stored { changed: Revision(changed), record }),
            Change::Remove { .. } => None,
        };
        prop_assert_eq!(decode_row(row.into()).unwrap(), expected);
    }

    #[test]
    fn different_places_are_different_bytes(one in (key(), "[a-c\0]{0,2}"), two in (key(), "[a-c\0]{0,2}")) {
        let place = |(key, source): &(Key, String)| encode_place(&SourceName(source.as_str().into()), key);
        prop_assert_eq!(place(&one) == place(&two), one == two);
    }

    #[test]
    fn parts_are_bounded_and_hold_everything(weights in vec(1..PART_BYTES_MAX * 3 / 2, 1..20)) {
        let parts = cut(&weights);
        prop_assert_eq!(parts.iter().sum::<usize>(), weights.len());
        let mut rest = &weights[..];
        for len in parts {
            let (part, after) = rest.split_at(len);
            prop_assert!(len == 1 || part.iter().sum::<usize>() <= PART_BYTES_MAX);
            prop_assert!(after.is_empty() || part.iter().sum::<usize>() + after[0] > PART_BYTES_MAX, "it had room");
            rest = after;
        }
    }
}

/// Kinds may be added to the table at any place without a stored row changing its meaning.
#[test]
fn kinds_are_kept_by_name() {
    let names: BTreeSet<_> = Kind::all().map(|kind| (kind.info().group, kind.info().name)).collect();
    assert_eq!(names.len(), Kind::all().count());
    let row = key_to_row(&Key::new(Kind::VIRTUAL_SERVICE, "shop", "reviews"));
    assert_eq!((row.group.as_str(), row.kind.as_str()), ("networking.istio.io", "VirtualService"));
}

/// Whatever was made first in this process, and however many there are by now.
#[test]
fn opaque_kinds_are_kept_by_type_url() {
    let row = |url: &str| rows::Key {
        group: "opaque.mainsheet.io".into(),
        kind: url.into(),
        namespace: "shop".into(),
        name: "w".into(),
        scope: String::new(),
    };
    for number in (0..2 * OPAQUE_KINDS_MAX).rev() {
        let url = format!("stored.example/v1/Kind{number}");
        let key = key_from_row(Some(row(&url))).unwrap();
        assert_eq!(key.kind.type_url(), url);
        assert_eq!(key_to_row(&key), row(&url));
    }
}

#[test]
fn commit_that_lacks_a_part_is_not_read() {
    let body = "x".repeat(PART_BYTES_MAX / 2);
    let remove = |name: usize| Change::Remove {
        source: SourceName("files".into()),
        key: Key::new(Kind::CLUSTER, format!("{name}{body}"), "x"),
    };
    let mut parts = encode_commit(&commit((0..4).map(remove).collect()), None).parts;
    assert!(parts.len() > 1);
    assert!(parts.iter().all(|part| part.len() < 512 << 10));
    parts.pop();
    assert!(matches!(decode_commit(Revision(7), parts), Err(Unreadable::Incomplete("changes"))));
}

#[test]
fn row_of_an_unknown_kind_names_it() {
    let key = rows::Key { group: "g".into(), kind: "Future".into(), ..rows::Key::default() };
    let record =
        rows::Record { key: Some(key), entry: Some(rows::Entry::default()), ..rows::Record::default() };
    let row = rows::Row { changed: 1, record: Some(record) }.encode_to_vec();
    let Err(Unreadable::Kind(kind)) = decode_row(row.into()) else { panic!("it was read") };
    assert_eq!(kind, "g/Future");
}

/// A snapshot keeps records for as long as they are served, of commits that are long gone.
#[test]
fn record_of_a_commit_does_not_hold_on_to_its_part() {
    let record = Record {
        source: SourceName("files".into()),
        key: Key::new(Kind::CLUSTER, "shop", "x"),
        entry: Entry {
            name: "x".into(),
            version: ResourceVersion::new("1"),
            any: Bytes::from_static(b"body"),
            ttl: None,
        },
        audience: Audience::everyone(),
        created: Timestamp(1),
        provenance: Provenance::default(),
        warnings: Vec::new(),
        terms: Terms::default(),
    };
    let parts = encode_commit(&commit(vec![Change::Put(Arc::new(record))]), None).parts;
    let kept = parts[0].clone();
    let committed = decode_commit(Revision(7), parts).unwrap();
    assert!(kept.is_unique());
    assert_eq!(committed.changes.len(), 1);
}
