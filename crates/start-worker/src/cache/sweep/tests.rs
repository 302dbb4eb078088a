//! On a real file system: what is removed, what is not touched, and what is bounded.

use std::{
    fs,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, PermissionsExt as _, symlink},
    },
    sync::atomic::AtomicBool,
    thread,
};

use tempfile::TempDir;

use super::{tree::MOST_WAITING, *};
use crate::{cache::Class, testing::cache_folder};

/// The folder of all caches, with one cache in it that is about to be cleared.
struct Caches {
    root: TempDir,
    folder: CacheFolder,
}

impl Caches {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = cache_folder(root.path());
        fs::create_dir_all(root.path().join("jobs/7/9")).unwrap();
        Self { root, folder }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn file(&self, path: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }

    fn cleared(&self) -> (u64, u64) {
        let progress = Progress::default();
        let swept = sweep(&self.folder, &progress).unwrap();
        assert_eq!(swept, Swept::Gone);
        assert!(
            fs::symlink_metadata(self.at("jobs/7/9")).is_err(),
            "it is still there"
        );
        assert!(self.at("jobs/7").is_dir(), "its neighbours are gone");
        (progress.files(), progress.folders())
    }
}

fn refused(folder: &CacheFolder) -> CacheError {
    sweep(folder, &Progress::default()).unwrap_err()
}

#[test]
fn ten_thousand_files_are_removed_and_counted() {
    let caches = Caches::new();
    for folder in 0..100 {
        for file in 0..100 {
            caches.file(&format!("jobs/7/9/{}/{folder}/{file}", folder % 7));
        }
    }
    caches.file("jobs/7/10/kept");
    assert_eq!(caches.cleared(), (10_000, 100 + 7 + 1));
    assert!(caches.at("jobs/7/10/kept").exists());
}

#[test]
fn what_is_not_there_is_cleared() {
    let caches = Caches::new();
    assert_eq!(caches.cleared(), (0, 1));
    assert_eq!(caches.cleared(), (0, 0));
    fs::remove_dir(caches.at("jobs/7")).unwrap();
    assert_eq!(sweep(&caches.folder, &Progress::default()).unwrap(), Swept::Gone);
    fs::remove_dir(caches.at("jobs")).unwrap();
    assert_eq!(sweep(&caches.folder, &Progress::default()).unwrap(), Swept::Gone);
}

#[test]
fn a_root_that_is_not_there_is_told_as_such() {
    let caches = Caches::new();
    let error = refused(&cache_folder(&caches.at("not-mounted")));
    assert!(matches!(error, CacheError::NotMounted { .. }), "{error:?}");
    assert!(error.to_string().contains("CACHE_PATH"), "{error}");
    caches.file("file");
    let error = refused(&cache_folder(&caches.at("file")));
    assert_eq!(error.class(), Class::Permanent, "{error:?}");
}

#[test]
fn links_are_removed_and_what_they_lead_to_is_not() {
    let (caches, outside) = (Caches::new(), Caches::new());
    outside.file("treasure");
    caches.file("jobs/7/10/treasure");
    let links = [
        ("folder", outside.root.path().to_owned()),
        ("file", outside.at("treasure")),
        ("dangling", "nowhere".into()),
        ("up", "../..".into()),
        ("self", "self".into()),
        ("neighbour", "../10".into()),
        ("root", "/".into()),
    ];
    for (name, target) in &links {
        fs::create_dir_all(caches.at("jobs/7/9/deeper")).unwrap();
        symlink(target, caches.at("jobs/7/9").join(name)).unwrap();
        symlink(target, caches.at("jobs/7/9/deeper").join(name)).unwrap();
    }
    assert_eq!(caches.cleared(), (2 * links.len() as u64, 2));
    assert!(outside.at("treasure").exists() && caches.at("jobs/7/10/treasure").exists());
}

#[test]
fn a_cache_that_is_a_link_or_a_file_is_removed_as_one() {
    let (caches, outside) = (Caches::new(), Caches::new());
    outside.file("treasure");
    fs::remove_dir(caches.at("jobs/7/9")).unwrap();
    symlink(outside.root.path(), caches.at("jobs/7/9")).unwrap();
    assert_eq!(caches.cleared(), (1, 0));
    assert!(outside.at("treasure").exists());
    caches.file("jobs/7/9");
    assert_eq!(caches.cleared(), (1, 0));
}

#[test]
fn a_link_on_the_way_is_followed_inside_the_root_only() {
    let outside = Caches::new();
    outside.file("7/9/treasure");
    outside.file("9/treasure");
    for (target, place) in [
        (outside.root.path().to_owned(), "jobs"),
        (outside.root.path().to_owned(), "jobs/7"),
        (PathBuf::from("../../../../../../../../tmp"), "jobs/7"),
    ] {
        let caches = Caches::new();
        fs::remove_dir_all(caches.at(place)).unwrap();
        symlink(&target, caches.at(place)).unwrap();
        let error = refused(&caches.folder);
        assert!(matches!(error, CacheError::Escapes { .. }), "{error:?}");
        assert!(caches.at(place).is_symlink());
    }
    assert!(outside.at("7/9/treasure").exists() && outside.at("9/treasure").exists());
    let caches = Caches::new();
    fs::rename(caches.at("jobs"), caches.at("disk2")).unwrap();
    symlink("disk2", caches.at("jobs")).unwrap();
    caches.file("disk2/7/9/file");
    assert_eq!(caches.cleared(), (1, 1));
}

/// What was a folder a moment ago is a link now, and back again: by a build that wants others' caches gone.
#[test]
fn a_folder_that_turns_into_a_link_meanwhile_leads_nowhere() {
    let (caches, outside) = (Caches::new(), Caches::new());
    outside.file("treasure/one");
    outside.file("treasure/two");
    let (link, victim) = (caches.at("jobs/link"), caches.at("jobs/7/9/victim"));
    symlink(outside.at("treasure"), &link).unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let away = caches.at("jobs/away");
            while !over.load(Relaxed) {
                // Each step may find the sweep ahead of it.
                let _ = fs::create_dir_all(&victim);
                let _ = fs::write(victim.join("file"), "x");
                let _ = fs::rename(&victim, &away);
                let _ = fs::rename(&link, &victim);
                let _ = fs::rename(&victim, &link);
                let _ = symlink(outside.at("treasure"), &link);
                let _ = fs::remove_dir_all(&away);
            }
        });
        // Judged when the other thread has ended: a panic before that would wait for it for ever.
        let sweeps: Vec<_> = (0..100)
            .map(|_| sweep(&caches.folder, &Progress::default()))
            .collect();
        over.store(true, Relaxed);
        for error in sweeps.into_iter().filter_map(Result::err) {
            assert_eq!(error.class(), Class::Transient, "{error:?}");
        }
    });
    assert!(outside.at("treasure/one").exists() && outside.at("treasure/two").exists());
    assert_eq!(fs::read_dir(outside.at("treasure")).unwrap().count(), 2);
}

/// A tree whose end no path names: longer than any that the system takes. Gives its files and folders.
fn deep_tree(caches: &Caches) -> (u64, u64) {
    const LEVELS: u64 = 600;
    let mut dir = Dir::open_ambient_dir(caches.at("jobs/7/9"), ambient_authority()).unwrap();
    for level in 0..LEVELS {
        dir.write("file", "x").unwrap();
        dir.create_dir("a-name-of-some-length").unwrap();
        if level % 100 == 0 {
            dir.create_dir("empty").unwrap();
        }
        dir = dir.open_dir("a-name-of-some-length").unwrap();
    }
    (LEVELS, LEVELS + LEVELS / 100 + 1)
}

#[test]
fn a_tree_deeper_than_any_path_is_removed() {
    let caches = Caches::new();
    let entries = deep_tree(&caches);
    let before = open_files();
    let progress = Progress::default();
    let most = thread::scope(|scope| {
        let sweeping = scope.spawn(|| sweep(&caches.folder, &progress).unwrap());
        let mut most = 0;
        while !sweeping.is_finished() {
            most = most.max(open_files());
        }
        assert_eq!(sweeping.join().unwrap(), Swept::Gone);
        most
    });
    assert!(!caches.at("jobs/7/9").exists());
    assert_eq!((progress.files(), progress.folders()), entries);
    // Other tests run beside this one.
    assert!(most < before + 600, "{most} open files, {before} before");
}

/// A folder that is about to be removed by its name must not be replaced by one that is moved to the top.
#[test]
fn no_two_sweeps_move_anything_to_the_same_name() {
    let caches = Caches::new();
    let progress = Progress::default();
    let name = || {
        let top = Dir::open_ambient_dir(caches.at("jobs/7/9"), ambient_authority()).unwrap();
        Tree::new(top, "9".into(), &progress).name_at_the_top()
    };
    assert_ne!(name(), name());
}

#[test]
fn what_an_earlier_sweep_moved_to_the_top_is_removed_too() {
    let caches = Caches::new();
    let (files, folders) = deep_tree(&caches);
    let left = 100;
    for number in 0..left {
        caches.file(&format!("jobs/7/9/.cleared-{number}/left"));
    }
    assert_eq!(caches.cleared(), (files + left, folders + left));
}

#[test]
fn two_sweeps_of_one_deep_tree_leave_nothing_that_a_third_cannot_remove() {
    let caches = Caches::new();
    deep_tree(&caches);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| match sweep(&caches.folder, &Progress::default()) {
                Ok(swept) => assert_eq!(swept, Swept::Gone),
                // The other one filled a folder while this one emptied it.
                Err(error) => assert_eq!(error.class(), Class::Transient, "{error:?}"),
            });
        }
    });
    assert!(sweep(&caches.folder, &Progress::default()).is_ok());
    assert!(!caches.at("jobs/7/9").exists());
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn more_folders_than_may_wait_are_removed() {
    const FOLDERS: usize = 3 * MOST_WAITING;
    let caches = Caches::new();
    for folder in 0..FOLDERS {
        fs::create_dir_all(caches.at(&format!("jobs/7/9/{folder}/a/b"))).unwrap();
    }
    assert_eq!(caches.cleared(), (0, 3 * FOLDERS as u64 + 1));
}

#[test]
fn odd_names_and_kinds_are_removed() {
    let caches = Caches::new();
    let names: [&[u8]; 6] = [b"\xff\xfe", b"a\nb", b" ", b"-rf", b"...", &[b'x'; 255]];
    for name in names {
        let name = std::ffi::OsStr::from_bytes(name);
        fs::create_dir_all(caches.at("jobs/7/9").join(name)).unwrap();
        fs::write(caches.at("jobs/7/9").join(name).join(name), "").unwrap();
    }
    let _socket = std::os::unix::net::UnixListener::bind(caches.at("jobs/7/9/socket")).unwrap();
    assert_eq!(caches.cleared(), (7, 7));
}

/// As an ordinary user: for root nothing is unreadable.
#[test]
fn what_may_not_be_removed_is_named_and_the_rest_is_gone() {
    let caches = Caches::new();
    let all = [
        "jobs",
        "jobs/7",
        "jobs/7/9",
        "jobs/7/9/open",
        "jobs/7/9/open/unreadable",
        "jobs/7/9/protected",
    ];
    for folder in all {
        caches.file(&format!("{folder}/file"));
    }
    let user = 65_534;
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if is_root {
        for path in all.iter().map(|path| caches.at(path)) {
            std::os::unix::fs::chown(path, Some(user), Some(user)).unwrap();
        }
    }
    let mode = |path: &str, mode: u32| {
        fs::set_permissions(caches.at(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("", 0o755);
    mode("jobs/7/9/open/unreadable", 0o000);
    let as_user = || {
        if is_root {
            // This thread, and those that it starts.
            let user = rustix::process::Uid::from_raw(user);
            rustix::thread::set_thread_res_uid(user, user, user).unwrap();
        }
        refused(&caches.folder)
    };
    let error = thread::scope(|scope| scope.spawn(as_user).join().unwrap());
    assert_eq!(error.class(), Class::Permanent, "{error:?}");
    assert_eq!(
        error.to_string(),
        "jobs/7/9/open/unreadable may not be removed: check the mount of the caches and the worker's user"
    );
    assert!(!caches.at("jobs/7/9/file").exists() && !caches.at("jobs/7/9/protected").exists());
    assert!(!caches.at("jobs/7/9/open/file").exists());
    mode("jobs/7/9/open/unreadable", 0o700);
    mode("jobs/7/9/open", 0o500);
    let error = thread::scope(|scope| scope.spawn(as_user).join().unwrap());
    assert_eq!(error.class(), Class::Permanent, "{error:?}");
    assert!(
        error.to_string().starts_with("jobs/7/9/open/unreadable may not"),
        "{error}"
    );
    mode("jobs/7/9/open", 0o700);
    assert_eq!(caches.cleared(), (0, 3));
}

/// A build that goes on writing costs the clear another try, and never the build a file that it has open.
#[test]
fn a_writer_meanwhile_is_no_final_failure() {
    let caches = Caches::new();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0_u64.. {
                if over.load(Relaxed) {
                    break;
                }
                let folder = caches.at(&format!("jobs/7/9/{}/{}", number % 3, number % 5));
                let _ = fs::create_dir_all(&folder);
                let _ = fs::write(folder.join(format!("{number}")), "x");
            }
        });
        for _ in 0..20 {
            match sweep(&caches.folder, &Progress::default()) {
                Ok(swept) => assert_eq!(swept, Swept::Gone),
                Err(error) => assert_eq!(error.class(), Class::Transient, "{error:?}"),
            }
        }
        over.store(true, Relaxed);
    });
    caches.file("jobs/7/9/last");
    caches.cleared();
}

#[test]
fn two_sweeps_of_one_tree_do_not_disturb_each_other() {
    let caches = Caches::new();
    for number in 0..2_000 {
        caches.file(&format!("jobs/7/9/{}/{number}", number % 50));
    }
    let (one, two) = (Progress::default(), Progress::default());
    thread::scope(|scope| {
        let other = scope.spawn(|| sweep(&caches.folder, &two).unwrap());
        assert_eq!(sweep(&caches.folder, &one).unwrap(), Swept::Gone);
        assert_eq!(other.join().unwrap(), Swept::Gone);
    });
    // Each entry is counted by whoever removed it.
    assert_eq!(one.files() + two.files(), 2_000);
    assert_eq!(one.folders() + two.folders(), 51);
}

#[test]
fn a_sweep_ends_when_told_and_another_goes_on() {
    let caches = Caches::new();
    for number in 0..1_000 {
        caches.file(&format!("jobs/7/9/{}/{number}", number % 10));
    }
    let progress = Progress::default();
    progress.stop();
    assert_eq!(sweep(&caches.folder, &progress).unwrap(), Swept::Stopped);
    assert_eq!((progress.files(), progress.folders()), (0, 0));
    assert_eq!(caches.cleared(), (1_000, 11));
}
