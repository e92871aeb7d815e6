//! Which resources a command looks at.

use mainsheet_api::{generated::mainsheet::v1 as pb, kind::Kind};

use super::{
    error::CliError,
    kinds::{NamedKind, Targets},
};

/// Where a resource is looked for whose namespace is not named.
pub(super) const DEFAULT_NAMESPACE: &str = "default";

/// Which resources: all for which every condition holds.
#[derive(Debug, clap::Args)]
pub(super) struct SelectionArgs {
    /// KIND, KIND NAME, KIND/NAME or KIND/NAMESPACE/NAME [default: everything]
    #[arg(value_name = "KIND|NAME")]
    what: Vec<String>,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Where resources are, and how they are labelled.
#[derive(Debug, clap::Args)]
pub(super) struct PlaceArgs {
    /// Only of this namespace [default: all; `default` where a resource is named]
    #[arg(short, long, value_name = "NAME", conflicts_with = "all_namespaces")]
    pub(super) namespace: Option<String>,
    /// Of all namespaces
    #[arg(short = 'A', long)]
    pub(super) all_namespaces: bool,
    /// Only those whose labels match: `app=shop,tier in (a, b),!legacy`
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub(super) selector: Option<String>,
}

impl SelectionArgs {
    /// As a request says it.
    ///
    /// # Errors
    /// [`CliError::Usage`] where a kind is not known, or several resources are named.
    pub(super) fn selection(&self) -> Result<pb::Selection, CliError> {
        self.place.selection(&self.what)
    }

    /// Whether everything is meant, all said.
    pub(super) fn is_everything(&self) -> bool {
        self.what.is_empty() && self.place.namespace.is_none() && self.place.selector.is_none()
    }
}

impl PlaceArgs {
    /// As a request says it: of what is there, the resources that are named.
    ///
    /// # Errors
    /// [`CliError::Usage`] where a kind is not known, or several resources are named.
    pub(super) fn selection(&self, named: &[String]) -> Result<pb::Selection, CliError> {
        let (kinds, name, in_what) = what(named)?;
        let given = in_what.or_else(|| self.namespace.clone());
        let of_name = || (!name.is_empty() && !self.all_namespaces).then(|| DEFAULT_NAMESPACE.to_owned());
        Ok(pb::Selection {
            kinds: kinds.iter().map(NamedKind::in_request).collect(),
            namespaces: given.or_else(of_name).into_iter().collect(),
            name,
            label_selector: self.selector.clone().unwrap_or_default(),
            source: String::new(),
        })
    }
}

/// Kinds, a name and its namespace.
fn what(arguments: &[String]) -> Result<(Vec<NamedKind>, String, Option<String>), CliError> {
    if let [one] = arguments
        && let [kind, namespace, name] = one.split('/').collect::<Vec<_>>()[..]
        && let Some(kind) = Kind::of_argument(kind)
    {
        return Ok((vec![NamedKind::Known(kind)], name.to_owned(), Some(namespace.to_owned())));
    }
    if arguments.is_empty() {
        return Ok((Vec::new(), String::new(), None));
    }
    match Targets::parse(arguments).map_err(CliError::usage)? {
        Targets::Kinds(kinds) => Ok((kinds, String::new(), None)),
        Targets::Named(mut named) if named.len() == 1 => {
            let (kind, name) = named.remove(0);
            Ok((vec![kind], name, None))
        }
        Targets::Named(named) => Err(CliError::usage(format!(
            "{} resources are named; name one, or select by labels (-l)",
            named.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn selection(arguments: &[&str]) -> Result<pb::Selection, String> {
        let command = SelectionArgs::augment_args(clap::Command::new("x").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments).unwrap();
        let args = SelectionArgs::from_arg_matches(&matches).unwrap();
        args.selection().map_err(|error| error.to_string())
    }

    #[test]
    fn resources_are_named_as_people_name_them() {
        let of = |kind: &str, namespaces: &[&str], name: &str| pb::Selection {
            kinds: if kind.is_empty() { Vec::new() } else { vec![kind.to_owned()] },
            namespaces: namespaces.iter().map(ToString::to_string).collect(),
            name: name.to_owned(),
            ..pb::Selection::default()
        };
        for (arguments, selected) in [
            (&[][..], of("", &[], "")),
            (&["vs"], of("VirtualService", &[], "")),
            (&["vs", "-n", "shop"], of("VirtualService", &["shop"], "")),
            (&["-n", "shop"], of("", &["shop"], "")),
            (&["vs", "reviews"], of("VirtualService", &["default"], "reviews")),
            (&["vs/reviews", "-n", "shop"], of("VirtualService", &["shop"], "reviews")),
            (&["vs/shop/reviews"], of("VirtualService", &["shop"], "reviews")),
            (&["vs", "reviews", "-A"], of("VirtualService", &[], "reviews")),
        ] {
            assert_eq!(selection(arguments), Ok(selected), "{arguments:?}");
        }
        let labelled = selection(&["-l", "app=shop"]).unwrap();
        assert_eq!(labelled.label_selector, "app=shop");
    }

    #[test]
    fn several_names_are_a_mistake() {
        let mistake = selection(&["vs", "a", "b"]).unwrap_err();
        assert_eq!(mistake, "2 resources are named; name one, or select by labels (-l)");
    }
}
