//! What the server is asked.

use mainsheet_api::generated::{
    google::protobuf,
    mainsheet::v1::{self as pb, precondition::Expected, prune::Scope},
};

use super::{Args, DryRun};
use crate::cli::{
    manifests::{self, Manifest},
    selection::DEFAULT_NAMESPACE,
};

/// Bytes of documents in one request where they need not be applied as one: a server that is busy with one answers others in
/// between.
const REQUEST_BYTES_TARGET: usize = 1 << 20;

impl Args {
    pub(super) fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE)
    }

    /// One request for all; several where each resource is for itself.
    pub(super) fn requests(&self, manifests: Vec<Manifest>) -> Vec<pb::ApplyRequest> {
        // What is pruned is what none of the documents has: all must be in one request.
        let parts = if self.best_effort && !self.prune { parts(manifests) } else { vec![manifests] };
        parts.into_iter().map(|manifests| self.request(manifests)).collect()
    }

    fn request(&self, manifests: Vec<Manifest>) -> pb::ApplyRequest {
        let atomicity = if self.best_effort { pb::Atomicity::BestEffort } else { pb::Atomicity::Unspecified };
        pb::ApplyRequest {
            preconditions: self.preconditions(&manifests),
            manifests: manifests.into_iter().map(Manifest::into_request).collect(),
            default_namespace: self.namespace().to_owned(),
            atomicity: atomicity.into(),
            dry_run: self.dry_run == DryRun::Server,
            authorship: Some(self.author.authorship()),
            prune: self.prune.then(|| self.prune()),
            set: self.set.clone().unwrap_or_default(),
            force: self.force,
            unknown_fields: pb::UnknownFields::Unspecified.into(),
            ttl: self.ttl.map(|ttl| protobuf::Duration {
                seconds: i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX),
                nanos: i32::try_from(ttl.subsec_nanos()).unwrap_or_default(),
            }),
        }
    }

    fn prune(&self) -> pb::Prune {
        let scope = match (&self.selector, &self.set) {
            (Some(labels), _) => Scope::LabelSelector(labels.clone()),
            (None, set) => Scope::Set(set.clone().unwrap_or_default()),
        };
        let namespaces = self.namespace.iter().cloned().collect();
        pb::Prune { scope: Some(scope), kinds: Vec::new(), namespaces }
    }

    fn preconditions(&self, manifests: &[Manifest]) -> Vec<pb::Precondition> {
        let Some(revision) = self.expect_revision else { return Vec::new() };
        let expected = if revision == 0 { Expected::Absent(true) } else { Expected::Revision(revision) };
        let keys = manifests::keys(manifests, self.namespace());
        let precondition = |key| pb::Precondition { key: Some(key), expected: Some(expected.clone()) };
        keys.iter().map(manifests::key_in_request).map(precondition).collect()
    }
}

/// Files in order, so many in each part that it is not much larger than the target.
fn parts(manifests: Vec<Manifest>) -> Vec<Vec<Manifest>> {
    let mut parts = vec![Vec::new()];
    let mut bytes = 0;
    for manifest in manifests {
        if bytes > 0 && bytes + manifest.text.len() > REQUEST_BYTES_TARGET {
            parts.push(Vec::new());
            bytes = 0;
        }
        bytes += manifest.text.len();
        if let Some(part) = parts.last_mut() {
            part.push(manifest);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_every_file_in_order_and_are_small_where_files_are() {
        let lens = [10, REQUEST_BYTES_TARGET - 10, 1, 2 * REQUEST_BYTES_TARGET, 5, 6];
        let manifest = |len: &usize| Manifest { origin: len.to_string(), text: "x".repeat(*len) };
        let parts = parts(lens.iter().map(manifest).collect());
        let lens: Vec<Vec<usize>> =
            parts.iter().map(|part| part.iter().map(|one| one.text.len()).collect()).collect();
        assert_eq!(
            lens,
            [vec![10, REQUEST_BYTES_TARGET - 10], vec![1], vec![2 * REQUEST_BYTES_TARGET], vec![5, 6]]
        );
    }
}
