//! `date_trunc` on times in UTC, as arithmetic.
//!
//! The engine's own converts each value into a calendar date and back, which takes most of the time of a histogram. Hours, days
//! and weeks of UTC have fixed lengths; everything else goes to the engine's function.

use std::sync::Arc;

use datafusion::arrow::array::{Array as _, AsArray as _, PrimitiveArray};
use datafusion::arrow::datatypes::{DataType, FieldRef, TimeUnit, TimestampMicrosecondType};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// The first of January 1970 was a Thursday, weeks begin on Monday.
const TO_MONDAY: i64 = 3 * DAY;

#[derive(Debug, PartialEq, Eq, Hash)]
struct Truncate {
    inner: Arc<ScalarUDF>,
    names: Vec<String>,
}

/// The function.
pub(super) fn date_trunc() -> ScalarUDF {
    let inner = datafusion::functions::datetime::date_trunc();
    let names = inner.aliases().to_vec();
    ScalarUDF::from(Truncate { inner, names })
}

/// Length of a unit in microseconds, and how far its first begin lies before 1970.
fn unit(name: &str) -> Option<(i64, i64)> {
    Some(match name.to_ascii_lowercase().as_str() {
        "second" => (SECOND, 0),
        "minute" => (60 * SECOND, 0),
        "hour" => (3600 * SECOND, 0),
        "day" => (DAY, 0),
        "week" => (7 * DAY, TO_MONDAY),
        _ => return None,
    })
}

/// Unit and times, where the one is constant and the others are columns in UTC.
fn arithmetic(args: &[ColumnarValue]) -> Option<((i64, i64), &PrimitiveArray<TimestampMicrosecondType>)> {
    let [ColumnarValue::Scalar(name), ColumnarValue::Array(times)] = args else { return None };
    let DataType::Timestamp(TimeUnit::Microsecond, zone) = times.data_type() else { return None };
    zone.as_ref().is_none_or(|zone| zone.as_ref() == "UTC").then_some(())?;
    Some((unit(name.try_as_str()??)?, times.as_primitive()))
}

impl ScalarUDFImpl for Truncate {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        &self.names
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arguments)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(((length, before), times)) = arithmetic(&args.args) else {
            return self.inner.invoke_with_args(args);
        };
        let begin =
            |time: i64| time.saturating_add(before).div_euclid(length).saturating_mul(length) - before;
        let begins: PrimitiveArray<TimestampMicrosecondType> = times.unary(begin);
        let zone = match times.data_type() {
            DataType::Timestamp(_, zone) => zone.clone(),
            _ => None,
        };
        Ok(ColumnarValue::Array(Arc::new(begins.with_timezone_opt(zone))))
    }
}
