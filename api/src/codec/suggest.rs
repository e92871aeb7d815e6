//! What an author probably meant.

/// Names that a remedy lists at most; the largest messages have some 60 fields, which nobody would read.
const LISTED_MAX: usize = 16;

/// What to do about a name that is none of the known ones: "did you mean `weight`?", or the names that there are.
#[must_use]
pub fn remedy<'k>(written: &str, known: impl Iterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.collect();
    if let Some(name) = nearest(written, known.iter().copied()) {
        return format!("did you mean `{name}`?");
    }
    match known.len() {
        0 => "nothing may stand here".to_owned(),
        1..=LISTED_MAX => format!("known here: {}", known.join(", ")),
        _ => format!("known here: {} and {} more", known[..LISTED_MAX].join(", "), known.len() - LISTED_MAX),
    }
}

/// The known name with the fewest differences, if those are few for its length.
#[must_use]
pub fn nearest<'k>(written: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let written = normal(written);
    known
        .filter_map(|name| {
            let length = name.len().max(written.len());
            let limit = (length / 3).max(1);
            // A name far longer needs no comparison, and a text of a megabyte gets none.
            if name.len().abs_diff(written.len()) > limit + 4 {
                return None;
            }
            let distance = distance(&written, &normal(name));
            (distance <= limit).then_some((distance, name))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Case and separators are what people mix up most.
fn normal(name: &str) -> Vec<char> {
    name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// Levenshtein's distance, where two neighbours changing places count once.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, r) in right.iter().enumerate() {
            let mut best = (above[j] + usize::from(l != r)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *l == right[j - 1] && left[i - 1] == *r {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_find_their_name() {
        let known = ["weight", "destination", "headers", "virtual_hosts"];
        for (written, meant) in [
            ("wieght", "weight"),
            ("weigth", "weight"),
            ("Destination", "destination"),
            ("header", "headers"),
            ("virtualHost", "virtual_hosts"),
        ] {
            assert_eq!(remedy(written, known.into_iter()), format!("did you mean `{meant}`?"));
        }
    }

    #[test]
    fn what_resembles_nothing_gets_the_list() {
        let remedy = remedy("colour", ["weight", "headers"].into_iter());
        assert_eq!(remedy, "known here: weight, headers");
    }
}
