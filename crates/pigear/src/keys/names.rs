//! The names of a struct's fields, from its `Deserialize`.

use serde::de::{DeserializeOwned, Deserializer, Visitor, value};
use serde::forward_to_deserialize_any;

use super::format;

/// The names of the keys that `T` is deserialized from: none if it isn't a struct.
pub(crate) fn key_names<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // It fails by design: there is no value.
    let _ = T::deserialize(FieldNames(&mut names));
    names
}

/// The same for a handler that writes alerts in a format: its field `format` stands for the keys about formats.
pub(crate) fn keys_with_format<T: DeserializeOwned>() -> Vec<&'static str> {
    let own = key_names::<T>().iter().filter(|name| **name != "format");
    format::NAMES.iter().chain(own).copied().collect()
}

/// Has no value, but notes which fields it was asked for.
struct FieldNames<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("there is no value"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Options {
        #[serde(rename = "path")]
        _path: String,
        #[serde(default, rename = "keep")]
        _keep: Option<u32>,
    }

    #[test]
    fn the_keys_of_a_struct_are_its_fields() {
        assert_eq!(key_names::<Options>(), ["path", "keep"]);
    }

    #[test]
    fn another_type_has_no_keys() {
        assert!(key_names::<BTreeMap<String, String>>().is_empty());
        assert!(key_names::<String>().is_empty());
    }
}
