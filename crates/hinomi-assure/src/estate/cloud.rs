//! Edges in answers of cloud interfaces: which server acts as which role, and who may take on which. Their form is data:
//! `mappings/graph-cloud.yaml`.
//!
//! # Not here
//! What policies allow on data: that comes as a list of edges.

use serde::Deserialize;
use serde_json::Value;

use crate::graph::{Builder, Import};

const BUNDLED: &str = include_str!("../../../../mappings/graph-cloud.yaml");
/// Edges of one document.
const MOST_EDGES: u64 = 1_000_000;

/// Where answers of cloud interfaces have which edge.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloudTable {
    /// Version of the file.
    pub version: u32,
    documents: Vec<Form>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    id: String,
    has: String,
    edges: Vec<EdgeForm>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EdgeForm {
    each: Vec<String>,
    from: Vec<String>,
    from_kind: String,
    kind: String,
    to: Vec<String>,
    to_kind: String,
}

/// The table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CloudTableError {
    /// Not in the form of `mappings/graph-cloud.yaml`.
    #[error("graph-cloud.yaml: {0}")]
    Yaml(#[from] serde_yaml_ng::Error),
}

impl CloudTable {
    /// The table of this program.
    ///
    /// # Errors
    /// When it does not parse, which a test excludes.
    pub fn bundled() -> Result<Self, CloudTableError> {
        Ok(serde_yaml_ng::from_str(BUNDLED)?)
    }

    /// Whether a document is one of these.
    pub fn recognises(&self, document: &Value) -> bool {
        self.form(document).is_some()
    }

    fn form(&self, document: &Value) -> Option<&Form> {
        self.documents.iter().find(|form| document.get(&form.has).is_some_and(Value::is_array))
    }

    /// Adds the edges of a document; nothing for one of another kind.
    pub fn read(&self, name: &str, document: &Value, builder: &mut Builder) -> Import {
        let mut import = Import::default();
        let Some(form) = self.form(document) else { return import };
        import.kind = Some(form.id.clone());
        for edge in &form.edges {
            let mut items = vec![(String::new(), document)];
            for member in &edge.each {
                items = items.into_iter().flat_map(|(at, value)| elements(at, value, member)).collect();
            }
            import.objects += items.len() as u64;
            for (pointer, item) in items {
                add(edge, item, &format!("{name}#{pointer}"), builder, &mut import);
            }
        }
        import
    }
}

fn add(form: &EdgeForm, item: &Value, place: &str, builder: &mut Builder, import: &mut Import) {
    let (from, to) = (first(item, &form.from), first(item, &form.to));
    if from.is_empty() || to.is_empty() {
        return;
    }
    let document = builder.document(place);
    let place = builder.place(document, 0);
    for (from, to) in from.iter().flat_map(|from| to.iter().map(move |to| (from, to))) {
        if import.statements >= MOST_EDGES {
            return;
        }
        builder.describe(from, &form.from_kind, "", false);
        builder.describe(to, &form.to_kind, "", false);
        builder.edge(from, &form.kind, to, false, place);
        import.statements += 1;
    }
}

/// The elements of a member, with their pointers; a single one counts as a list of one.
fn elements<'v>(at: String, value: &'v Value, member: &str) -> Vec<(String, &'v Value)> {
    match value.get(member) {
        Some(Value::Array(list)) => {
            list.iter().enumerate().map(|(number, item)| (format!("{at}/{member}/{number}"), item)).collect()
        }
        Some(single) => vec![(format!("{at}/{member}"), single)],
        None => Vec::new(),
    }
}

/// The texts at the first of several paths that holds any.
fn first(item: &Value, paths: &[String]) -> Vec<String> {
    paths.iter().map(|path| texts(item, path)).find(|found| !found.is_empty()).unwrap_or_default()
}

/// The elements of a list, or the value itself.
fn flat(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

fn texts(item: &Value, path: &str) -> Vec<String> {
    let mut values = vec![item];
    for step in path.split('.') {
        let (member, wanted) = match step.strip_suffix(']').and_then(|s| s.split_once('[')) {
            Some((member, test)) => (member, test.split_once('=')),
            None => (step, None),
        };
        let stepped = values.iter().flat_map(|v| flat(v)).filter_map(|v| v.get(member)).flat_map(flat);
        let kept = stepped
            .filter(|v| wanted.is_none_or(|(key, text)| v.get(key).and_then(Value::as_str) == Some(text)));
        values = kept.collect();
    }
    let text = |v: &&Value| v.as_str().map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned);
    values.iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::graph::{Bounds, Catalogue};

    fn read(document: &Value) -> (Vec<String>, Import) {
        let mut builder = Builder::new(Arc::new(Catalogue::bundled().unwrap()), Bounds::default());
        let import = CloudTable::bundled().unwrap().read("aws.json", document, &mut builder);
        let (graph, diagnostics) = builder.finish();
        assert!(diagnostics.is_empty());
        let line = |e| {
            let edge = graph.edge(e).unwrap();
            let origin = edge.origin.unwrap().0;
            format!("{} {} {} {origin}", graph.node(edge.from).id, edge.kind.name, graph.node(edge.to).id)
        };
        (graph.edges().map(line).collect(), import)
    }

    #[test]
    fn a_server_acts_as_its_role_and_who_may_take_it_on_is_read() {
        let tags = json!([{"Key": "Owner", "Value": "x"}, {"Key": "Name", "Value": "app1"}]);
        let instances = json!({"Reservations": [{"Instances": [
            {"InstanceId": "i-1", "Tags": tags, "IamInstanceProfile": {"Arn": "arn:p/app"}},
            {"InstanceId": "i-2", "Tags": [], "PrivateDnsName": "", "IamInstanceProfile": {"Arn": "arn:p/app"}},
            {"InstanceId": "i-3"}]}]});
        let (edges, import) = read(&instances);
        assert_eq!(
            edges,
            [
                "app1 stores-secret arn:p/app aws.json#/Reservations/0/Instances/0",
                "i-2 stores-secret arn:p/app aws.json#/Reservations/0/Instances/1"
            ]
        );
        assert_eq!(
            (import.objects, import.statements, import.kind.as_deref()),
            (3, 2, Some("aws-instances"))
        );
        let principal = |aws: Value| {
            let denied = json!({"Effect": "Deny", "Principal": {"AWS": "arn:u/no"}});
            json!({"Statement": [denied, {"Effect": "Allow", "Principal": {"AWS": aws}}]})
        };
        let roles = json!({"Roles": [
            {"Arn": "arn:r/ops", "AssumeRolePolicyDocument": principal(json!(["arn:u/a", "arn:u/b"]))},
            {"Arn": "arn:r/all", "AssumeRolePolicyDocument": principal(json!("*"))}]});
        assert_eq!(
            read(&roles).0,
            [
                "* assumes-role arn:r/all aws.json#/Roles/1",
                "arn:u/a assumes-role arn:r/ops aws.json#/Roles/0",
                "arn:u/b assumes-role arn:r/ops aws.json#/Roles/0"
            ]
        );
        assert!(read(&json!({"Reservations": {"a": 1}})).0.is_empty());
        assert!(read(&json!([1, null])).0.is_empty());
    }
}
