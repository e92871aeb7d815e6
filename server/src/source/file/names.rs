//! Which names in a folder count.

/// Whether a file of this name holds documents.
///
/// Editors' leftovers fall out by their endings (`x.yaml~`, `x.yaml.swp`, `#x.yaml#`, `4913`, `x.yaml.tmp`) or because
/// they are hidden (`.x.yaml.swp`, `.#x.yaml`).
pub(super) fn is_document(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    !is_hidden(name) && !name.starts_with("~$") && matches!(ending, Some("yaml" | "yml" | "json"))
}

/// Whether a file of this name is what kustomize reads beside the documents. It need not say what it is.
pub(super) fn is_kustomization(name: &str) -> bool {
    matches!(name, "kustomization.yaml" | "kustomization.yml")
}

/// Whether a file or folder of this name is passed over. So are the folders behind a ConfigMap's mount (`..2026_11_21`),
/// whose content is reached through [`MOUNT_LINK`].
pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

/// The link that Kubernetes swaps when a mounted ConfigMap changes.
pub(super) const MOUNT_LINK: &str = "..data";

/// Whether news about this name is worth a look. A name without an ending may be a folder.
pub(super) fn may_matter(name: &str) -> bool {
    let temporary =
        name.ends_with('~') || name.starts_with('#') || name.ends_with(".swp") || name.ends_with(".tmp");
    name == MOUNT_LINK || !(is_hidden(name) || temporary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_and_json_hold_documents() {
        for name in ["a.yaml", "a.yml", "a.json", "a.b.yaml", "routes-1.yaml"] {
            assert!(is_document(name), "{name}");
        }
    }

    #[test]
    fn leftovers_of_editors_and_hidden_files_do_not() {
        let leftovers = [
            "a.yaml~",
            ".a.yaml.swp",
            "a.yaml.swp",
            "#a.yaml#",
            ".#a.yaml",
            "4913",
            "a.yaml.tmp",
            "a.yaml___jb_tmp___",
            "a.yaml.bak",
            "~$a.yaml",
            ".a.yaml",
            "yaml",
            "README.md",
            "",
        ];
        for name in leftovers {
            assert!(!is_document(name), "{name}");
        }
    }

    #[test]
    fn swapped_link_and_folders_are_worth_a_look() {
        for name in ["..data", "shop", "a.yaml"] {
            assert!(may_matter(name), "{name}");
        }
        for name in [".a.yaml.swp", "a.yaml~", "..data_tmp", "#a.yaml#"] {
            assert!(!may_matter(name), "{name}");
        }
    }
}
