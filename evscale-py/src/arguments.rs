//! What callers hand over, copied before anything of it is looked at: host code that runs meanwhile changes nothing.

use crate::errors::refused;
use crate::plain::shown;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::path::PathBuf;

/// Most entries of a record or an outcome.
pub const MOST_FIELDS: usize = 100;
/// Most records of one tick, and most rows of one table.
pub const MOST_RECORDS: usize = 1_000_000;
pub const MOST_ROWS: usize = 10_000_000;
/// Items copied between two looks for a signal such as Ctrl-C.
const CHUNK: usize = 4096;

/// Text without lone surrogates, which no other language can write.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct Text(pub String);

impl FromPyObject<'_, '_> for Text {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        text(&given).map(Self)
    }
}

/// Returns a text as Rust has it.
pub fn text(given: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = given.cast::<PyString>()?;
    let unwritable =
        |_| refused(given.py(), &format!("text is {}, expected no lone surrogates", shown(given)));
    Ok(text.to_str().map_err(unwritable)?.to_owned())
}

/// Returns the path that a text or path object names.
pub fn path(given: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    given.extract()
}

/// Returns the items of anything that can be iterated, `most` of them at most.
pub fn items<'py>(what: &str, given: &Bound<'py, PyAny>, most: usize) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let py = given.py();
    let mut out = Vec::new();
    for item in given.try_iter()? {
        if out.len() == most {
            return Err(too_many(py, what, most));
        }
        out.push(item?);
        if out.len().is_multiple_of(CHUNK) {
            py.check_signals()?;
        }
    }
    Ok(out)
}

fn too_many(py: Python<'_>, what: &str, most: usize) -> PyErr {
    refused(py, &format!("{what} has more than {most} entries, expected at most as many"))
}

/// Returns the entries of a mapping, `most` of them at most.
pub fn entries<'py>(what: &str, given: &Bound<'py, PyAny>, most: usize) -> PyResult<Vec<Entry<'py>>> {
    if let Ok(dict) = given.cast_exact::<PyDict>() {
        let copy = dict.copy()?;
        return if copy.len() > most {
            Err(too_many(given.py(), what, most))
        } else {
            Ok(copy.iter().collect())
        };
    }
    let keys = items(what, &given.call_method0("keys")?, most)?;
    keys.into_iter().map(|key| Ok((key.clone(), given.get_item(key)?))).collect()
}

/// Returns the part of a refusal that tells which of the names was probably meant; nothing if none is like it.
pub fn meant<'a>(py: Python<'_>, name: &str, names: impl Iterator<Item = &'a str>) -> String {
    let near = || {
        let names: Vec<&str> = names.collect();
        py.import("evscale._refuse")?.call_method1("meant", (name, names))?.extract()
    };
    near().unwrap_or_default()
}

/// A key and its value.
pub type Entry<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

/// A record or an outcome: its fields by name.
pub struct Fields<'py> {
    py: Python<'py>,
    what: &'static str,
    fields: Vec<(String, Bound<'py, PyAny>)>,
}

impl<'py> Fields<'py> {
    /// Copies a dict or another mapping.
    pub fn of(what: &'static str, given: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = given.py();
        if !(given.is_instance_of::<PyDict>() || given.hasattr("keys")?) {
            return Err(refused(py, &format!("{what} is {}, expected a dict", shown(given))));
        }
        let fields = entries(what, given, MOST_FIELDS)?.into_iter().map(|(key, value)| {
            if !key.is_instance_of::<PyString>() {
                return Err(refused(py, &format!("{what} has the key {}, expected text", shown(&key))));
            }
            Ok((text(&key)?, value))
        });
        Ok(Self { py, what, fields: fields.collect::<PyResult<_>>()? })
    }

    /// Copies what a call got as one mapping or as keyword arguments.
    pub fn given(
        py: Python<'py>,
        what: &'static str,
        mapping: Option<&Bound<'py, PyAny>>,
        fields: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Self> {
        let unclear = |how: &str| {
            refused(py, &format!("{what} is {how}, expected a dict or its fields as keyword arguments"))
        };
        match (mapping, fields) {
            (Some(mapping), None) => Self::of(what, mapping),
            (None, Some(fields)) => Self::of(what, fields),
            (None, None) => Err(unclear("missing")),
            (Some(_), Some(_)) => Err(unclear("given twice")),
        }
    }

    pub fn new(py: Python<'py>, what: &'static str, fields: Vec<(String, Bound<'py, PyAny>)>) -> Self {
        Self { py, what, fields }
    }

    pub fn py(&self) -> Python<'py> {
        self.py
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bound<'py, PyAny>)> {
        self.fields.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Returns a field that must be there.
    pub fn required(&self, name: &str) -> PyResult<&Bound<'py, PyAny>> {
        self.iter()
            .find_map(|(key, value)| (key == name).then_some(value))
            .ok_or_else(|| refused(self.py, &format!("{} has no `{name}`, which is required", self.what)))
    }

    /// Refuses a field that is not one of those `expected`, and tells which of their names was probably meant.
    pub fn unknown<'a>(
        &self,
        name: &str,
        value: &Bound<'_, PyAny>,
        expected: &str,
        names: impl Iterator<Item = &'a str>,
    ) -> PyErr {
        let (what, value, meant) = (self.what, shown(value), meant(self.py, name, names));
        refused(
            self.py,
            &format!(
                "{what} has the unknown key `{name}` (its value is {value}), expected {expected}{meant}"
            ),
        )
    }
}
