//! From the form that selectors have in documents: `matchLabels` and `matchExpressions`.

use super::{
    LabelSelector, Requirement, Test,
    parse::{key_problem, name_problem},
};
use crate::generated::k8s::rbac::v1 as pb;

/// What is wrong with a selector of a document, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct DocumentSelectorError {
    /// From the selector on: `matchExpressions[0].operator`.
    pub field: String,
    /// What is wrong.
    pub reason: String,
}

impl LabelSelector {
    /// As a document has it.
    ///
    /// # Errors
    /// Where a Kubernetes API server would refuse it.
    pub fn of_document(selector: &pb::LabelSelector) -> Result<Self, DocumentSelectorError> {
        let labels = selector.match_labels.iter().map(|(key, value)| label(key, value));
        let expressions = selector.match_expressions.iter().enumerate();
        let expressions = expressions.map(|(index, expression)| requirement(index, expression));
        Ok(Self { requirements: labels.chain(expressions).collect::<Result<_, _>>()? })
    }
}

fn label(key: &str, value: &str) -> Result<Requirement, DocumentSelectorError> {
    let field = || format!("matchLabels[{key}]");
    check("label's key", key, key_problem(key), field)?;
    check("label's value", value, name_problem(value), field)?;
    Ok(Requirement { key: key.to_owned(), test: Test::In([value.to_owned()].into()) })
}

fn requirement(
    index: usize,
    expression: &pb::LabelSelectorRequirement,
) -> Result<Requirement, DocumentSelectorError> {
    let pb::LabelSelectorRequirement { key, operator, values } = expression;
    let field = |name: &str| format!("matchExpressions[{index}].{name}");
    let wrong =
        |name: &str, reason: &str| DocumentSelectorError { field: field(name), reason: reason.to_owned() };
    check("label's key", key, key_problem(key), || field("key"))?;
    for (at, value) in values.iter().enumerate() {
        check("label's value", value, name_problem(value), || field(&format!("values[{at}]")))?;
    }
    let all = || values.iter().cloned().collect();
    let test = match (&**operator, values.is_empty()) {
        ("In", false) => Test::In(all()),
        ("NotIn", false) => Test::NotIn(all()),
        ("Exists", true) => Test::Exists,
        ("DoesNotExist", true) => Test::Absent,
        ("In" | "NotIn", true) => return Err(wrong("values", "In and NotIn need values")),
        ("Exists" | "DoesNotExist", false) => {
            return Err(wrong("values", "Exists and DoesNotExist have no values"));
        }
        (other, _) => return Err(wrong("operator", &format!("`{other}` is no operator"))),
    };
    Ok(Requirement { key: key.clone(), test })
}

fn check(
    what: &str,
    text: &str,
    problem: Option<&str>,
    field: impl Fn() -> String,
) -> Result<(), DocumentSelectorError> {
    problem.map_or(Ok(()), |problem| {
        Err(DocumentSelectorError { field: field(), reason: format!("`{text}` is no {what}: {problem}") })
    })
}
