//! Enums whose values have names, the same in JSON, messages and labels.

/// Gives an enum its names in Rust as well: `ALL`, `as_str`, `Display` and `FromStr`. They are those of its JSON form.
macro_rules! named {
    ($name:ident, $what:literal: $($variant:ident = $text:literal),+ $(,)?) => {
        impl $name {
            /// Every value, in their order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the name, as in JSON.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::error::Error;

            /// Reads the name.
            fn from_str(text: &str) -> $crate::error::Result<Self> {
                let found = Self::ALL.iter().copied().find(|value| value.as_str() == text);
                found.ok_or_else(|| $crate::names::unknown($what, text, [$($text),+]))
            }
        }
    };
}

pub(crate) use named;

use crate::error::Error;

/// Returns the refusal of a name that is none of `names`.
pub(crate) fn unknown(what: &str, text: &str, names: impl IntoIterator<Item = &'static str>) -> Error {
    let names: Vec<_> = names.into_iter().collect();
    Error::argument(format!("{what} is {text:?}, expected one of {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use crate::*;
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use std::fmt::{Debug, Display};
    use std::str::FromStr;

    fn check<T>(all: &[T])
    where
        T: Copy
            + Debug
            + Display
            + Eq
            + std::hash::Hash
            + FromStr<Err = Error>
            + Serialize
            + DeserializeOwned,
    {
        for value in all {
            let name = value.to_string();
            assert_eq!(serde_json::to_value(value).unwrap(), name.as_str());
            assert_eq!(serde_json::from_value::<T>(name.as_str().into()).unwrap(), *value);
            assert_eq!(name.parse::<T>().unwrap(), *value);
            assert_eq!(format!("{value:>30}").len(), 30, "a name can be aligned");
        }
        let refused = "no such".parse::<T>().unwrap_err().to_string();
        assert!(all.iter().all(|value| refused.contains(&value.to_string())), "{refused}");
        assert!(refused.contains("\"no such\""), "{refused}");
    }

    #[test]
    fn names_are_those_of_json_both_ways() {
        check(Action::ALL);
        check(AlertState::ALL);
        check(AllowedActions::ALL);
        check(BreakerState::ALL);
        check(CostImpact::ALL);
        check(DataQuality::ALL);
        check(DriftKind::ALL);
        check(HealthStatus::ALL);
        check(LifecycleEventKind::ALL);
        check(LoadTrend::ALL);
        check(Mode::ALL);
        check(Pause::ALL);
        check(Severity::ALL);
        check(SlaRisk::ALL);
        check(Source::ALL);
        check(StaleAction::ALL);
        check(Verdict::ALL);
        check(simulate::ServiceTimeSource::ALL);
        check(Rule::ALL);
    }
}
