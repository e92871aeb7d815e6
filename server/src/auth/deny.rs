//! Whom nobody lets in any more, whatever credential they show: identities, and numbers of certificates.

use std::collections::HashSet;

use mainsheet_api::access::Identity;
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::{certificate::Serial, spiffe};

/// What `deny-list` names, as it was last read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DenyList {
    users: HashSet<String>,
    serials: HashSet<Serial>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    identities: Vec<Spanned<String>>,
    #[serde(default)]
    serials: Vec<Spanned<String>>,
}

impl DenyList {
    /// Reads a file's text. An empty one denies nobody.
    ///
    /// # Errors
    /// Where, what is wrong, and what would be right.
    pub(crate) fn read(text: &str, trust_domain: &str) -> Result<Self, String> {
        let file: Option<File> = serde_saphyr::from_str(text).map_err(|error| wrong_form(&error))?;
        let Some(File { identities, serials }) = file else { return Ok(Self::default()) };
        let user = |item: Spanned<String>| user(&item.value, trust_domain).map_err(|wrong| at(&item, &wrong));
        let serial = |item: Spanned<String>| Serial::read(&item.value).map_err(|right| at(&item, &right));
        Ok(Self {
            users: identities.into_iter().map(user).collect::<Result<_, _>>()?,
            serials: serials.into_iter().map(serial).collect::<Result<_, _>>()?,
        })
    }

    /// Why somebody is not let in, where that is so.
    pub(crate) fn refusal(&self, identity: &Identity, serial: Option<&Serial>) -> Option<String> {
        if self.users.contains(identity.user()) {
            return Some(format!("`{identity}` is on the server's deny list"));
        }
        let serial = serial.filter(|serial| self.serials.contains(serial))?;
        Some(format!("the certificate {serial} is on the server's deny list"))
    }

    /// How many entries it has.
    pub(crate) fn len(&self) -> usize {
        self.users.len() + self.serials.len()
    }
}

/// An account may be named by its SPIFFE id, too.
fn user(text: &str, trust_domain: &str) -> Result<String, String> {
    match text {
        "" => Err("write a user, for example alice or system:serviceaccount:shop:cart".to_owned()),
        id if id.starts_with(spiffe::SCHEME) => Ok(spiffe::identity(id, trust_domain)?.user().to_owned()),
        user => Ok(user.to_owned()),
    }
}

fn at(item: &Spanned<String>, right: &str) -> String {
    format!("{}`{}`: {right}", place(item.referenced), item.value)
}

fn place(location: Location) -> String {
    format!("line {}, column {}: ", location.line(), location.column())
}

fn wrong_form(error: &serde_saphyr::Error) -> String {
    let error = error.without_snippet();
    let text = error.to_string();
    let text = text.lines().next().unwrap_or_default();
    let text = text.split(" at line ").next().unwrap_or(text);
    let place = error.location().map(place).unwrap_or_default();
    format!("{place}{text}; write `identities: [alice]` and `serials: [\"3f:0a:91\"]`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<DenyList, String> {
        DenyList::read(text, "cluster.local")
    }

    #[test]
    fn identities_and_serials_are_denied_and_nobody_else() {
        let list = read(
            "# left on Monday\nidentities:\n- alice\n- spiffe://cluster.local/ns/shop/sa/cart\n- spiffe://other/x\nserials: [\"00:3F:0a\", 1234, 12e4]\n",
        )
        .unwrap();
        assert_eq!(list.len(), 6);
        let refusal =
            |identity: &Identity, serial: &str| list.refusal(identity, Some(&Serial::read(serial).unwrap()));
        let user = |name: &str| Identity::new(name, ["g"]);
        assert_eq!(refusal(&user("alice"), "1").unwrap(), "`alice` is on the server's deny list");
        assert!(refusal(&Identity::service_account("shop", "cart"), "1").is_some());
        assert!(refusal(&user("spiffe://other/x"), "1").is_some());
        assert_eq!(
            refusal(&user("bob"), "3f0a").unwrap(),
            "the certificate 3f0a is on the server's deny list"
        );
        assert!(refusal(&user("bob"), "1234").is_some() && refusal(&user("bob"), "12e4").is_some());
        assert_eq!(refusal(&user("bob"), "1"), None);
        assert_eq!(list.refusal(&user("alicea"), None), None);
    }

    #[test]
    fn empty_file_denies_nobody() {
        for text in ["", "# nobody so far\n", "identities: []\n", "{}"] {
            assert_eq!(read(text), Ok(DenyList::default()), "{text}");
        }
    }

    #[test]
    fn mistake_is_told_with_its_place() {
        for (text, expected) in [
            ("identities:\n- alice\n- spiffe://Other/x\n", "line 3, column 3: `spiffe://Other/x`: "),
            ("serials:\n- \"3g\"\n", "line 2, column 3: `3g`: write hexadecimal digits"),
            ("identities: [\"\"]\n", "line 1, column 14: ``: write a user"),
            ("identites: [alice]\n", "line 1, column 1: unknown field"),
            ("- alice\n", "line 1, column 1: "),
            ("identities: alice\n", "line 1, column 13: "),
            ("identities: [alice\n", "line "),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
