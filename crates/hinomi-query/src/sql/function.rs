//! The function `matches(column, 'terms')`: what a search means, on one column.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use crate::index::token;
use crate::search::{Term, parse};
use crate::value;

/// Its name.
pub(super) const NAME: &str = "matches";
/// Takes a field out of `other`.
pub(super) const OTHER: &str = "or_other";

#[derive(Debug, PartialEq, Eq, Hash)]
struct Matches {
    signature: Signature,
}

/// The function.
pub(super) fn matches() -> ScalarUDF {
    ScalarUDF::from(Matches { signature: texts_of(2) })
}

/// The function that takes a field from its column or, if that has no value, from `other`.
pub(super) fn or_other() -> ScalarUDF {
    ScalarUDF::from(OrOther { signature: texts_of(3) })
}

fn texts_of(count: usize) -> Signature {
    Signature::new(TypeSignature::String(count), Volatility::Immutable)
}

fn constant(value: &ColumnarValue) -> Result<&str> {
    match value {
        ColumnarValue::Scalar(scalar) => Ok(scalar.try_as_str().flatten().unwrap_or_default()),
        ColumnarValue::Array(_) => exec_err!("the second argument has to be a text in apostrophes"),
    }
}

fn texts(value: &ColumnarValue, rows: usize) -> Result<ArrayRef> {
    let array = value.to_array(rows)?;
    Ok(cast(&array, &DataType::Utf8View)?)
}

impl ScalarUDFImpl for Matches {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [column, terms] = args.args.as_slice() else {
            return exec_err!("{NAME} takes a column and a text");
        };
        let Some(terms) = parse(constant(terms)?) else {
            return exec_err!("{NAME}: a quotation mark is not closed");
        };
        if terms.iter().any(|t| t.field.is_some()) {
            return exec_err!("{NAME}: the column is the first argument; put \"…\" around text with a colon");
        }
        let array = texts(column, args.number_rows)?;
        let Some(texts) = view(&array) else { return exec_err!("{NAME} takes text") };
        let verdict = |text: &str| terms.iter().all(|term| holds(term, text));
        let result: BooleanArray = texts.iter().map(|t| t.map(verdict)).collect();
        Ok(ColumnarValue::Array(Arc::new(result)))
    }
}

fn holds(term: &Term, text: &str) -> bool {
    value::elements(text).any(|e| term.accepts(&token::fold(e))) != term.negated
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OrOther {
    signature: Signature,
}

impl ScalarUDFImpl for OrOther {
    fn name(&self) -> &str {
        OTHER
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [own, other, name] = args.args.as_slice() else { return exec_err!("{OTHER} takes three texts") };
        let name = constant(name)?;
        let (own, other) = (texts(own, args.number_rows)?, texts(other, args.number_rows)?);
        let (Some(own), Some(other)) = (view(&own), view(&other)) else {
            return exec_err!("{OTHER} takes texts");
        };
        let of = |text: &str| -> Option<String> {
            let object: serde_json::Value = serde_json::from_str(text).ok()?;
            Some(object.get(name)?.as_str()?.to_owned())
        };
        let result: StringViewArray =
            own.iter().zip(other).map(|(own, other)| own.map(str::to_owned).or_else(|| of(other?))).collect();
        Ok(ColumnarValue::Array(Arc::new(result)))
    }
}

fn view(array: &ArrayRef) -> Option<&StringViewArray> {
    array.as_any().downcast_ref()
}
