//! What may be asked, and what the names in it mean.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArguments, Ident, ObjectName, Query, Select, SelectItem,
    Statement as SqlStatement, TableFactor, VisitMut as _, VisitorMut,
};

use super::reports::Views;
use super::views::{ALWAYS, small_columns};
use crate::QueryError;
use crate::read::Archive;

/// Longest question, in bytes.
const LONGEST: usize = 64 << 10;

/// A question that may be asked.
pub(super) struct Allowed {
    pub(super) statement: Statement,
    /// Tables that it names.
    pub(super) tables: BTreeSet<String>,
    /// Vendor columns that it names.
    pub(super) columns: BTreeSet<String>,
}

fn refused(message: impl Into<String>, hint: &str) -> QueryError {
    QueryError::Refused { message: message.into(), hint: hint.to_owned() }
}

/// Parses a question and gives its names their exact spelling.
///
/// # Errors
/// [`QueryError::Refused`] when it is anything else than one query over the tables.
pub(super) fn allow(archive: &Archive, views: &Views, sql: &str) -> Result<Allowed, QueryError> {
    const HINT: &str =
        "ask one SELECT; hinomi query --tables lists what can be asked; nothing can be written or opened";
    if sql.len() > LONGEST {
        return Err(refused("the question is longer than 64 KiB", HINT));
    }
    let parsed = DFParser::parse_sql(sql)
        .map_err(|e| refused(e.strip_backtrace(), "see docs/query.md for examples"))?;
    let mut statements = parsed.into_iter();
    let (Some(first), None) = (statements.next(), statements.next()) else {
        return Err(refused("exactly one statement can be asked", HINT));
    };
    let Statement::Statement(mut statement) = first else {
        return Err(refused("only SELECT can be asked", HINT));
    };
    if !matches!(&*statement, SqlStatement::Query(_)) {
        return Err(refused("only SELECT can be asked", HINT));
    }
    let mut scope = Scope { views, tables: BTreeSet::new(), named: BTreeMap::new(), given: BTreeSet::new() };
    if let ControlFlow::Break(fault) = statement.visit(&mut scope) {
        return Err(refused(fault, HINT));
    }
    let mut names = Names { archive, scope: &scope, columns: BTreeSet::new() };
    // Never breaks off.
    let _ = statement.visit(&mut names);
    let columns = names.columns;
    Ok(Allowed { statement: Statement::Statement(statement), columns, tables: scope.tables })
}

/// What a question reads, and the names that it gives itself.
struct Scope<'a> {
    views: &'a Views,
    /// Tables that it names.
    tables: BTreeSet<String>,
    /// What a name before a dot, in any case, stands for.
    named: BTreeMap<String, Called>,
    /// Names that it gives to columns.
    given: BTreeSet<String>,
}

/// A name that a question gives to what it reads.
struct Called {
    /// As it is given.
    exact: String,
    /// The table, or `None` for a query in the question.
    table: Option<String>,
}

impl Scope<'_> {
    fn name(&mut self, name: &str, table: Option<String>) {
        match self.named.entry(name.to_lowercase()) {
            Entry::Vacant(free) => drop(free.insert(Called { exact: name.to_owned(), table })),
            Entry::Occupied(mut known) if known.get().table != table => known.get_mut().table = None,
            Entry::Occupied(_) => {}
        }
    }

    /// The column that a small table has under a name in any case.
    fn column_of(&self, table: &str, name: &str) -> Option<String> {
        let lower = name.to_lowercase();
        let of_view = self.views.tables.iter().find(|v| v.name == table);
        let has = match of_view {
            Some(view) => view.columns.iter().any(|c| c.name == lower),
            None => small_columns(table).contains(&lower.as_str()),
        };
        has.then_some(lower)
    }
}

impl VisitorMut for Scope<'_> {
    type Break = String;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<String> {
        if query.with.as_ref().is_some_and(|with| with.recursive) {
            return ControlFlow::Break("recursive queries cannot be asked".to_owned());
        }
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.name(&table.alias.name.value, None);
            self.given.extend(table.alias.columns.iter().map(|c| c.name.value.clone()));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<String> {
        if select.into.is_some() {
            return ControlFlow::Break("SELECT INTO writes".to_owned());
        }
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { alias, .. } = item {
                self.given.insert(alias.value.clone());
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<String> {
        match factor {
            TableFactor::Table { args: None, name, alias, .. } => {
                let [part] = name.0.as_mut_slice() else {
                    return ControlFlow::Break(format!("there is no table {name}"));
                };
                let text = part.as_ident().map(|i| i.value.clone()).unwrap_or_default();
                let lower = text.to_lowercase();
                let own = if self.named.contains_key(&lower) && !self.tables.contains(&lower) {
                    None
                } else if ALWAYS.contains(&lower.as_str())
                    || self.views.tables.iter().any(|v| v.name == lower)
                {
                    self.tables.insert(lower.clone());
                    *name = ObjectName::from(vec![Ident::new(lower.clone())]);
                    Some(lower.clone())
                } else {
                    return ControlFlow::Break(format!("there is no table {text}"));
                };
                let called = alias.as_ref().map_or(lower, |alias| alias.name.value.clone());
                self.name(&called, own);
            }
            TableFactor::Derived { alias, .. } | TableFactor::NestedJoin { alias, .. } => {
                for alias in alias.iter() {
                    self.name(&alias.name.value, None);
                    self.given.extend(alias.columns.iter().map(|c| c.name.value.clone()));
                }
            }
            _ => return ControlFlow::Break("functions cannot stand in place of a table".to_owned()),
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<String> {
        // Tables were looked at where they stand; a relation elsewhere is none that can be asked.
        let known = |lower: &str| self.tables.contains(lower) || self.named.contains_key(lower);
        match relation.0.as_slice() {
            [part] if part.as_ident().is_some_and(|i| known(&i.value.to_lowercase())) => {
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Break(format!("there is no table {relation}")),
        }
    }
}

/// Gives the names of columns their exact spelling.
struct Names<'a> {
    archive: &'a Archive,
    scope: &'a Scope<'a>,
    /// Vendor columns among them.
    columns: BTreeSet<String>,
}

impl Names<'_> {
    /// A name that stands alone.
    fn resolve(&mut self, ident: &mut Ident) {
        if self.scope.given.contains(&ident.value) {
            return;
        }
        let quoted = ident.quote_style.is_some();
        let small = self.scope.tables.iter().find_map(|table| self.scope.column_of(table, &ident.value));
        match small.filter(|_| !quoted) {
            Some(exact) => ident.value = exact,
            None => self.of_events(ident),
        }
    }

    /// A name of a column of `events`.
    fn of_events(&mut self, ident: &mut Ident) {
        let lower = ident.value.to_lowercase();
        if self.archive.mapping().is_taken(&lower) {
            if ident.quote_style.is_none() {
                ident.value = lower;
            }
        } else if self.scope.tables.contains("events")
            && let Some(column) = self.archive.column(&ident.value)
        {
            column.clone_into(&mut ident.value);
            self.columns.insert(ident.value.clone());
            ident.quote_style = Some('"');
        }
    }

    /// A name behind that of a table.
    fn resolve_in(&mut self, table: &mut Ident, ident: &mut Ident) {
        let Some(called) = self.scope.named.get(&table.value.to_lowercase()) else {
            return self.resolve(ident);
        };
        table.value.clone_from(&called.exact);
        match called.table.as_deref() {
            Some("events") => self.of_events(ident),
            Some(table) => {
                if let Some(exact) = self.scope.column_of(table, &ident.value) {
                    ident.value = exact;
                }
            }
            None => self.resolve(ident),
        }
    }
}

impl VisitorMut for Names<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        // Some names of fields, as `User`, are functions without parentheses to the parser.
        if matches!(expr, Expr::Function(_) | Expr::CompoundFieldAccess { .. })
            && let Some(parts) = plain_name(expr)
        {
            *expr = match <[Ident; 1]>::try_from(parts) {
                Ok([ident]) => Expr::Identifier(ident),
                Err(parts) => Expr::CompoundIdentifier(parts),
            };
        }
        match expr {
            Expr::Identifier(ident) => self.resolve(ident),
            Expr::CompoundIdentifier(parts) => {
                // `e.Image`, but also `id.orig_h` and `e.id.orig_h`: a name with dots in it is one column.
                let joined =
                    |parts: &[Ident]| parts.iter().map(|p| p.value.as_str()).collect::<Vec<_>>().join(".");
                let is_column = |name: &str| self.archive.column(name).is_some();
                match parts.as_slice() {
                    all if is_column(&joined(all)) => {
                        let mut whole = Ident::new(joined(all));
                        self.of_events(&mut whole);
                        *expr = Expr::Identifier(whole);
                    }
                    [table, rest @ ..] if !rest.is_empty() => {
                        let (mut table, mut whole) = (table.clone(), Ident::new(joined(rest)));
                        whole.quote_style = parts.last().and_then(|p| p.quote_style);
                        self.resolve_in(&mut table, &mut whole);
                        *parts = vec![table, whole];
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// The parts of what is a name, though the parser took a part of it for something else.
fn plain_name(expr: &Expr) -> Option<Vec<Ident>> {
    match expr {
        Expr::Identifier(ident) => Some(vec![ident.clone()]),
        Expr::Function(Function { name, args: FunctionArguments::None, .. }) => {
            name.0.iter().map(|part| part.as_ident().cloned()).collect()
        }
        Expr::CompoundFieldAccess { root, access_chain } => {
            let mut parts = plain_name(root)?;
            for access in access_chain {
                let AccessExpr::Dot(inner) = access else { return None };
                parts.extend(plain_name(inner)?);
            }
            Some(parts)
        }
        _ => None,
    }
}
