//! The recordings of a real kubelet, and the clocks that they are judged by.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use common::settings::Clocks;

pub(crate) const CLOCKS: Clocks = Clocks {
    scheduling: Duration::from_mins(15),
    pulling: Duration::from_mins(15),
    initialising: Duration::from_mins(5),
    starting: Duration::from_mins(5),
    graces: BTreeMap::new(),
};

/// Every recording by the name of its file, in their order.
pub(crate) fn all() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/recordings");
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, fs::read(path).unwrap())
    };
    paths.into_iter().map(read).collect()
}
