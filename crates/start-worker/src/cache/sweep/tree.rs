//! A tree of open folders on its way to be empty: what one sweep knows of it.
//!
//! Every folder counts what in it is not done yet; whoever does the last of it removes the folder. So no
//! thread ever waits for another.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{
            AtomicBool, AtomicU32, AtomicUsize,
            Ordering::{AcqRel, Relaxed},
        },
    },
};

use cap_fs_ext::DirExt as _;
use cap_std::fs::Dir;
use rayon::Scope;

use super::Progress;

/// Folders that wait for a thread; while there are as many, each is emptied by whoever finds it.
pub(super) const MOST_WAITING: usize = 1_024;
/// Folders deeper than this are moved to the top.
const DEEPEST: u32 = 32;
/// How often a folder is emptied anew when somebody writes into it meanwhile.
pub(super) const ROUNDS: u32 = 3;

/// One tree being removed.
pub(super) struct Tree<'a> {
    top: Arc<Folder>,
    progress: &'a Progress,
    /// Folders that wait for a thread.
    waiting: AtomicUsize,
    /// Folders were moved to the top since it was last emptied.
    lifted: AtomicBool,
    /// Begins the names of those, in this sweep only: a move onto a name that is taken replaces an empty folder,
    /// and somebody may be about to remove that by its name.
    mark: u64,
    /// Ends the name of the next one.
    serial: AtomicU32,
    /// What could not be removed first, below the top.
    failure: Mutex<Option<(PathBuf, io::Error)>>,
}

/// An open folder that is being emptied.
struct Folder {
    dir: Dir,
    name: OsString,
    /// `None` for the top, which whoever began the sweep removes.
    parent: Option<Arc<Folder>>,
    depth: u32,
    /// Folders in it that are not removed yet, and one for its own entries.
    unfinished: AtomicUsize,
    /// How often it was emptied anew.
    rounds: AtomicU32,
    /// Something in it was not removed: nor will it be.
    failed: AtomicBool,
}

/// Opens a folder in `dir`; whatever is no folder, a link to one too, is removed instead. `None`: it is gone.
pub(super) fn open_or_unlink(dir: &Dir, name: &Path, progress: &Progress) -> io::Result<Option<Dir>> {
    let refused = match dir.open_dir_nofollow(name) {
        Ok(opened) => return Ok(Some(opened)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => error,
    };
    match dir.symlink_metadata(name) {
        Ok(entry) if !entry.is_dir() => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(_) | Err(_) => return Err(refused),
    }
    if gone(dir.remove_file(name))? {
        progress.files.fetch_add(1, Relaxed);
    }
    Ok(None)
}

/// Whether it was we who took it away; somebody else may have been faster.
pub(super) fn gone(taken: io::Result<()>) -> io::Result<bool> {
    match taken {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

// === impl Tree ===

impl<'a> Tree<'a> {
    /// The tree below the open folder `top`, called `name`.
    pub(super) fn new(top: Dir, name: OsString, progress: &'a Progress) -> Self {
        Self {
            top: Folder::new(top, name, None),
            progress,
            waiting: AtomicUsize::new(0),
            lifted: AtomicBool::new(false),
            mark: rand::random(),
            serial: AtomicU32::new(0),
            failure: Mutex::new(None),
        }
    }
}

impl Tree<'_> {
    /// Empties the top, which itself stays. Again when something was found in it all the same.
    pub(super) fn begin<'s>(&'s self, scope: &Scope<'s>) {
        self.top.unfinished.store(1, Relaxed);
        self.empty(scope, self.top.clone());
    }

    /// What could not be removed first, below the top, and why.
    pub(super) fn take_failure(&self) -> Option<(PathBuf, io::Error)> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take()
    }

    /// Whether folders were moved to the top since this was last asked.
    pub(super) fn take_lifted(&self) -> bool {
        self.lifted.swap(false, Relaxed)
    }

    /// Empties `folder`, then removes it and every folder above it of which that was the last part.
    fn empty<'s>(&'s self, scope: &Scope<'s>, folder: Arc<Folder>) {
        let mut next = Some(folder);
        while let Some(folder) = next {
            if let Err(error) = self.empty_once(scope, &folder) {
                self.fail(&folder, Path::new(""), error);
            }
            next = self.finish(folder);
        }
    }

    fn empty_once<'s>(&'s self, scope: &Scope<'s>, folder: &Arc<Folder>) -> io::Result<()> {
        for entry in folder.dir.entries()? {
            if self.progress.is_stopping() {
                break;
            }
            let entry = entry?;
            let is_folder = entry.file_type()?.is_dir();
            let removed = if is_folder {
                Err(io::ErrorKind::IsADirectory.into())
            } else {
                gone(entry.remove_file())
            };
            match removed {
                Ok(ours) => {
                    self.progress.files.fetch_add(u64::from(ours), Relaxed);
                }
                // Not every file system says in its lists what is a folder.
                Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                    self.descend(scope, folder, entry.file_name());
                }
                Err(error) => self.fail(folder, entry.file_name().as_ref(), error),
            }
        }
        Ok(())
    }

    /// Has the folder `name` in `folder` removed: by another thread, by this one, or later at the top.
    fn descend<'s>(&'s self, scope: &Scope<'s>, folder: &Arc<Folder>, name: OsString) {
        if folder.depth >= DEEPEST {
            if let Err(error) = self.lift(folder, &name) {
                self.fail(folder, name.as_ref(), error);
            }
            return;
        }
        folder.unfinished.fetch_add(1, Relaxed);
        let parent = folder.clone();
        if self.waiting.fetch_add(1, Relaxed) < MOST_WAITING {
            scope.spawn(move |scope| {
                self.waiting.fetch_sub(1, Relaxed);
                self.enter(scope, parent, name);
            });
        } else {
            self.waiting.fetch_sub(1, Relaxed);
            self.enter(scope, parent, name);
        }
    }

    fn enter<'s>(&'s self, scope: &Scope<'s>, parent: Arc<Folder>, name: OsString) {
        let opened = if self.progress.is_stopping() {
            Ok(None)
        } else {
            open_or_unlink(&parent.dir, name.as_ref(), self.progress)
        };
        match opened {
            Ok(Some(dir)) => return self.empty(scope, Folder::new(dir, name, Some(parent))),
            Ok(None) => {}
            Err(error) => self.fail(&parent, name.as_ref(), error),
        }
        if let Some(again) = self.finish(parent) {
            self.empty(scope, again);
        }
    }

    /// Moves a folder that is too deep to the top, where the next round finds it.
    fn lift(&self, folder: &Folder, name: &OsString) -> io::Result<()> {
        let lifted = self.name_at_the_top();
        if gone(folder.dir.rename(name, &self.top.dir, lifted))? {
            self.lifted.store(true, Relaxed);
        }
        Ok(())
    }

    /// A name that nobody else uses.
    pub(super) fn name_at_the_top(&self) -> String {
        let (mark, serial) = (self.mark, self.serial.fetch_add(1, Relaxed));
        format!(".cleared-{mark:016x}-{serial}")
    }

    /// A part of `folder` is done. If it was the last, removes the folder, and so on upwards; gives back a
    /// folder into which somebody wrote meanwhile.
    fn finish(&self, mut folder: Arc<Folder>) -> Option<Arc<Folder>> {
        // Whoever ends it sees what the others did to it.
        while folder.unfinished.fetch_sub(1, AcqRel) == 1 {
            let parent = folder.parent.clone()?;
            if folder.failed.load(Relaxed) {
                parent.failed.store(true, Relaxed);
            } else if !self.progress.is_stopping() {
                match gone(parent.dir.remove_dir(&folder.name)) {
                    Ok(ours) => {
                        self.progress.folders.fetch_add(u64::from(ours), Relaxed);
                    }
                    Err(error)
                        if error.kind() == io::ErrorKind::DirectoryNotEmpty && folder.may_try_again() =>
                    {
                        return Some(folder);
                    }
                    Err(error) => self.fail(&parent, folder.name.as_ref(), error),
                }
            }
            folder = parent;
        }
        None
    }

    /// `name` in `folder` stays, and therefore so does the folder.
    fn fail(&self, folder: &Folder, name: &Path, error: io::Error) {
        folder.failed.store(true, Relaxed);
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert_with(|| (folder.below_top().join(name), error));
    }
}

// === impl Folder ===

impl Folder {
    fn new(dir: Dir, name: OsString, parent: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self {
            dir,
            name,
            depth: parent.as_ref().map_or(0, |parent| parent.depth + 1),
            parent,
            unfinished: AtomicUsize::new(1),
            rounds: AtomicU32::new(0),
            failed: AtomicBool::new(false),
        })
    }

    fn below_top(&self) -> PathBuf {
        match &self.parent {
            None => PathBuf::new(),
            Some(parent) => parent.below_top().join(&self.name),
        }
    }

    /// Counts a round, and makes the folder one to be emptied.
    fn may_try_again(&self) -> bool {
        self.unfinished.store(1, Relaxed);
        self.rounds.fetch_add(1, Relaxed) < ROUNDS
    }
}
