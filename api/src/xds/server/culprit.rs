//! Which resource a NACK is about, as far as it says so. It says so where only one resource was new to the client, or
//! where its message names some of those that were: as Envoy does ("Error adding/updating listener(s) NAME: why").
//!
//! Where it does not say, nobody is blamed. Leaving resources out to see what the client says then would delete them from
//! a client to which an absence is a deletion.

use std::{
    collections::BTreeSet,
    ops::{Bound, Range},
    sync::Arc,
};

/// Those of the resources that were new to the client which it blames.
pub(super) fn culprits(message: &str, news: &BTreeSet<Arc<str>>) -> BTreeSet<Arc<str>> {
    if news.len() == 1 {
        return news.clone();
    }
    let mentions = outermost(mentions(message, news));
    // "NAME: why" blames NAME, whatever else is named in the reason.
    let is_headed = |mention: &&Mention<'_>| message[mention.place.end..].starts_with(':');
    let headed: BTreeSet<_> = mentions.iter().filter(is_headed).map(|mention| mention.name.clone()).collect();
    if headed.is_empty() {
        mentions.into_iter().map(|mention| mention.name.clone()).collect()
    } else {
        headed
    }
}

/// One place in a message where a name stands.
struct Mention<'a> {
    name: &'a Arc<str>,
    place: Range<usize>,
}

/// Every place where a name stands by itself. Names are looked up by where they may begin, so that it takes no longer for
/// many names than for a few.
fn mentions<'a>(message: &str, names: &'a BTreeSet<Arc<str>>) -> Vec<Mention<'a>> {
    let mut mentions = Vec::new();
    for (start, _) in message.char_indices().filter(|(start, _)| begins(message, *start)) {
        let rest = &message[start..];
        for name in prefixes(rest, names) {
            let place = start..start + name.len();
            if ends(message, place.end) {
                mentions.push(Mention { name, place });
            }
        }
    }
    mentions
}

/// The names that a text begins with, the longest first.
fn prefixes<'a>(text: &str, names: &'a BTreeSet<Arc<str>>) -> impl Iterator<Item = &'a Arc<str>> {
    let mut bound = Some(text);
    std::iter::from_fn(move || {
        loop {
            let at_most = bound?;
            let name = names.range::<str, _>((Bound::Unbounded, Bound::Included(at_most))).next_back()?;
            let common = common_len(at_most, name);
            if common < name.len() {
                // Between it and the text is nothing: what the text begins with is within what both do.
                bound = Some(&text[..common]);
                continue;
            }
            bound = shorter(text, common);
            if !name.is_empty() {
                return Some(name);
            }
        }
    })
}

/// Bytes that both begin with, of whole characters.
fn common_len(text: &str, other: &str) -> usize {
    let pairs = text.char_indices().zip(other.chars());
    let differs = pairs.clone().find(|((_, left), right)| left != right).map(|((index, _), _)| index);
    differs.unwrap_or_else(|| text.len().min(other.len()))
}

/// The beginning of a text, one character shorter than this.
fn shorter(text: &str, len: usize) -> Option<&str> {
    let (last, _) = text[..len].char_indices().next_back()?;
    Some(&text[..last])
}

/// A name within a longer one that stands there is not meant.
fn outermost(mentions: Vec<Mention<'_>>) -> Vec<Mention<'_>> {
    let mut kept: Vec<Mention<'_>> = Vec::new();
    for mention in mentions {
        // They come by their beginnings, the longest first.
        if kept.last().is_none_or(|before| before.place.end < mention.place.end) {
            kept.push(mention);
        }
    }
    kept
}

/// Whether a name may begin here.
fn begins(text: &str, start: usize) -> bool {
    text[..start].chars().next_back().is_none_or(|before| !is_of_names(before))
}

/// Whether a name may end here: what follows is no part of names, or ends a sentence or a clause.
fn ends(text: &str, end: usize) -> bool {
    let after = text[end..].trim_start_matches(['.', ':']).chars().next();
    after.is_none_or(|after| !is_of_names(after))
}

/// Whether names of resources are made of such: those of Kubernetes (`ns/name`), and of Envoy's
/// (`outbound|80|v1|reviews.default.svc.cluster.local`, `0.0.0.0_8080`, `[::]:80`, `*.example.com`).
fn is_of_names(character: char) -> bool {
    character.is_alphanumeric() || "_-./|:*~@#$%+&".contains(character)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(list: &[&str]) -> BTreeSet<Arc<str>> {
        list.iter().map(|&name| Arc::from(name)).collect()
    }

    #[track_caller]
    fn blames(message: &str, news: &[&str], blamed: &[&str]) {
        assert_eq!(culprits(message, &names(news)), names(blamed), "{message}");
    }

    #[test]
    fn only_news_is_to_blame_whatever_the_message_says() {
        blames("out of memory", &["default/a"], &["default/a"]);
        blames("out of memory", &["default/a", "default/b"], &[]);
        blames("default/c: bad", &["default/a", "default/b"], &[]);
        blames("anything", &[], &[]);
    }

    #[test]
    fn resources_are_found_in_what_clients_say() {
        let news = ["http", "https", "outbound|80||a.default.svc.cluster.local", "0.0.0.0_80", "default/a"];
        blames("Error adding/updating listener(s) https: no filter chain\n", &news, &["https"]);
        blames(
            "Error adding/updating listener(s) http: no address\nhttps: no filter chain\n",
            &news,
            &["http", "https"],
        );
        let cluster = "outbound|80||a.default.svc.cluster.local";
        blames(&format!("Error adding/updating cluster(s) {cluster}: type missing"), &news, &[cluster]);
        blames("refused 'default/a', and \"http\".", &news, &["default/a", "http"]);
        blames("duplicate listener 0.0.0.0_80", &news, &["0.0.0.0_80"]);
        blames("not taken: default/a.", &news, &["default/a"]);
    }

    #[test]
    fn reason_may_name_others() {
        blames("https: http connection manager without routes", &["http", "https"], &["https"]);
        blames("a: refers to cluster b", &["a", "b", "c"], &["a"]);
    }

    #[test]
    fn name_within_a_longer_one_is_not_meant() {
        blames("default/ab: bad", &["default/a", "default/b"], &[]);
        blames("in a/b/c: bad", &["a/b", "b/c"], &[]);
        blames("a.b: bad", &["a", "b", "a.b"], &["a.b"]);
        blames("listener a:80 is bad", &["a", "a:80", "80"], &["a:80"]);
        blames("listener two words is bad", &["two", "two words", "words"], &["two words"]);
    }

    proptest! {
        /// However many names there are, and whatever they have in common.
        #[test]
        fn prefixes_are_all_names_that_a_text_begins_with(
            text in "[abß]{0,6}",
            list in prop::collection::btree_set("[abß]{0,5}", 0..40),
        ) {
            let names: BTreeSet<Arc<str>> = list.iter().map(|name| Arc::from(name.as_str())).collect();
            let mut expected: Vec<&str> =
                list.iter().map(String::as_str).filter(|name| !name.is_empty() && text.starts_with(name)).collect();
            expected.reverse();
            let found: Vec<&str> = prefixes(&text, &names).map(|name| &**name).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
