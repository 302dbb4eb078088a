//! Removes one tree of files, in parallel and relative to open folders all the way down, so that no link and
//! no rename under way leads elsewhere. Blocking: knows no runtime and no clock.
//!
//! Bounded however the tree looks: a wide one has few folders waiting, a deep one is cut off and begun anew
//! at the top, so that neither open folders nor stacks grow with it.

mod tree;

use std::{
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use cap_std::{ambient_authority, fs::Dir};

use self::tree::{ROUNDS, Tree, gone, open_or_unlink};
use super::CacheError;
use crate::clear::CacheFolder;

/// Threads of one sweep. Removing mostly waits: for the disk, or for the server of a network file system.
const THREADS: usize = 4;
/// Longest path that a log line shows.
const LONGEST_SHOWN: usize = 300;

/// How far a sweep is, and the way to end it early.
#[derive(Debug, Default)]
pub struct Progress {
    files: AtomicU64,
    folders: AtomicU64,
    stopping: AtomicBool,
}

/// How a sweep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swept {
    /// The folder is not there any more.
    Gone,
    /// It was told to end, and did.
    Stopped,
}

// === impl Progress ===

impl Progress {
    /// Files removed: links and whatever else holds no others, too.
    pub fn files(&self) -> u64 {
        self.files.load(Relaxed)
    }

    /// Folders removed.
    pub fn folders(&self) -> u64 {
        self.folders.load(Relaxed)
    }

    /// Ends the sweep after the entries at hand.
    pub fn stop(&self) {
        self.stopping.store(true, Relaxed);
    }

    /// Whether the sweep was told to end.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }
}

// === the sweep ===

/// Removes `folder` and everything in it; one that is not there is removed already.
///
/// # Errors
/// The first thing that could not be removed; everything else that could be is.
pub fn sweep(folder: &CacheFolder, progress: &Progress) -> Result<Swept, CacheError> {
    let Some(above) = open_above(folder)? else {
        return Ok(Swept::Gone);
    };
    let top = open_or_unlink(&above, folder.name().as_ref(), progress);
    let Some(top) = top.map_err(|error| CacheError::on_the_way(folder.to_string(), error))? else {
        return Ok(Swept::Gone);
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(THREADS)
        .thread_name(|number| format!("clear-{number}"))
        .build()
        .map_err(CacheError::Threads)?;
    let tree = Tree::new(top, folder.name().into(), progress);
    for round in 0.. {
        pool.scope(|scope| tree.begin(scope));
        if progress.is_stopping() {
            return Ok(Swept::Stopped);
        }
        if let Some((below, error)) = tree.take_failure() {
            return Err(CacheError::removing(shown(folder, &below), error));
        }
        match gone(above.remove_dir(folder.name())) {
            Ok(ours) => {
                progress.folders.fetch_add(u64::from(ours), Relaxed);
                break;
            }
            // Each lift leaves a tree that is less deep, so there is an end to them.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                if !tree.take_lifted() && round >= ROUNDS {
                    return Err(CacheError::removing(folder.to_string(), error));
                }
            }
            Err(error) => return Err(CacheError::removing(folder.to_string(), error)),
        }
    }
    Ok(Swept::Gone)
}

/// Opens the folder that the cache's folder is in; `None` if it is not there. The whole way at once and from
/// the root: links are followed as long as they stay below it.
fn open_above(folder: &CacheFolder) -> Result<Option<Dir>, CacheError> {
    let root = match Dir::open_ambient_dir(folder.root(), ambient_authority()) {
        Ok(root) => root,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let root = folder.root().to_owned();
            return Err(CacheError::NotMounted { root });
        }
        Err(error) => return Err(CacheError::on_the_way(folder.root().display().to_string(), error)),
    };
    let way: PathBuf = folder.above().collect();
    match root.open_dir(way) {
        Ok(above) => Ok(Some(above)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CacheError::on_the_way(folder.to_string(), error)),
    }
}

/// A path in a cache, for people: builds may use any names.
fn shown(folder: &CacheFolder, below: &Path) -> String {
    let path: PathBuf = Path::new(&folder.to_string()).join(below).components().collect();
    let path: String = path.to_string_lossy().chars().take(LONGEST_SHOWN).collect();
    path.escape_debug().to_string()
}

#[cfg(test)]
mod tests;
