//! What the tests of this crate share.

use std::collections::HashMap;

use common::settings::Settings;

/// The settings of an environment in which nothing but `variables` is set.
pub(crate) fn settings(variables: &[(&str, &str)]) -> Settings {
    let environment: HashMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Settings::load(&environment, Some(std::path::Path::new("no-such-folder"))).unwrap()
}
