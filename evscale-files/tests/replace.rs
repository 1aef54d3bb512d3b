//! What stands in the file after a replacement, after a refused one, and after one that failed.
#![cfg(unix)]

use evscale_files::{Error, replace};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of one test, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("evscale-files-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::set_permissions(&self.0, Permissions::from_mode(0o755));
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn refusal(path: &Path) -> String {
    let problem = replace(path, b"new").unwrap_err();
    assert!(matches!(problem, Error::Refused { .. }), "{problem:?}");
    let text = problem.to_string();
    assert!(text.contains(&path.display().to_string()), "{text} does not name {}", path.display());
    text
}

#[test]
fn a_file_is_made_and_replaced_whole() {
    let folder = Folder::new("whole");
    let path = folder.at("pool.snapshot");
    for content in [b"a long first state".as_slice(), b"short", b"", &[0xff; 300_000]] {
        replace(&path, content).unwrap();
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    assert_eq!(folder.names(), ["pool.snapshot"]);
}

#[test]
fn a_new_file_has_the_mode_of_any_new_file() {
    let folder = Folder::new("new");
    fs::write(folder.at("usual"), "").unwrap();
    replace(&folder.at("ours"), b"x").unwrap();
    assert_eq!(mode(&folder.at("ours")), mode(&folder.at("usual")));
}

#[test]
fn the_mode_of_a_file_is_kept() {
    let folder = Folder::new("mode");
    let path = folder.at("pool");
    for bits in [0o600, 0o640, 0o444, 0o666] {
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(bits)).unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(mode(&path), bits);
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_link_at_the_target_is_refused_and_leads_nowhere() {
    let folder = Folder::new("link");
    fs::write(folder.at("victim"), "precious").unwrap();
    symlink(folder.at("victim"), folder.at("link")).unwrap();
    symlink(folder.at("nothing"), folder.at("dangling")).unwrap();
    assert!(refusal(&folder.at("link")).contains("symbolic link"));
    assert!(refusal(&folder.at("dangling")).contains("symbolic link"));
    assert_eq!(fs::read_to_string(folder.at("victim")).unwrap(), "precious");
    assert_eq!(folder.names(), ["dangling", "link", "victim"]);
}

#[test]
fn links_under_the_names_of_old_temporary_files_are_left_alone() {
    let folder = Folder::new("old-names");
    fs::write(folder.at("victim"), "precious").unwrap();
    symlink(folder.at("victim"), folder.at("pool.tmp")).unwrap();
    replace(&folder.at("pool"), b"state").unwrap();
    assert_eq!(fs::read_to_string(folder.at("victim")).unwrap(), "precious");
    assert!(fs::symlink_metadata(folder.at("pool")).unwrap().is_file());
    assert_eq!(folder.names(), ["pool", "pool.tmp", "victim"]);
}

#[test]
fn a_link_in_the_folders_is_followed() {
    let folder = Folder::new("folders");
    fs::create_dir(folder.at("real")).unwrap();
    symlink("real", folder.at("current")).unwrap();
    replace(&folder.at("current/pool"), b"state").unwrap();
    assert_eq!(fs::read(folder.at("real/pool")).unwrap(), b"state");
}

#[test]
fn what_is_no_regular_file_is_refused() {
    let folder = Folder::new("kinds");
    fs::create_dir(folder.at("folder")).unwrap();
    assert!(Command::new("mkfifo").arg(folder.at("pipe")).status().unwrap().success());
    assert!(refusal(&folder.at("folder")).contains("folder"));
    assert!(refusal(&folder.at("pipe")).contains("pipe"));
    assert!(refusal(Path::new("/dev/null")).contains("device"));
    for nameless in ["/", "..", ""] {
        assert!(refusal(Path::new(nameless)).contains("names no file"));
    }
}

#[test]
fn a_failure_names_the_path_and_leaves_everything_as_it_was() {
    let folder = Folder::new("failure");
    let absent = folder.at("absent/pool");
    let problem = replace(&absent, b"x").unwrap_err();
    let Error::Failed { source, .. } = &problem else { panic!("{problem:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
    assert!(problem.to_string().contains(&absent.display().to_string()), "{problem}");
    let too_long = folder.at(&"n".repeat(256));
    assert!(replace(&too_long, b"x").is_err());
    assert_eq!(folder.names(), Vec::<String>::new());
}

/// Runs in a process of its own, because the limit on the size of files is the process's.
#[test]
fn a_full_disk_leaves_the_old_file_and_nothing_beside_it() {
    let folder = Folder::new("full");
    let path = folder.at("pool");
    fs::write(&path, "old").unwrap();
    let ran = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" --exact writes_too_much --ignored --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .env("EVSCALE_FILES_TARGET", &path)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(told.contains("cannot write beside it"), "{told}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(folder.names(), ["pool"]);
}

#[test]
#[ignore = "the child of the test of a full disk"]
fn writes_too_much() {
    if let Some(path) = std::env::var_os("EVSCALE_FILES_TARGET") {
        println!("{}", replace(Path::new(&path), &[7; 100_000]).unwrap_err());
    }
}

#[test]
fn writers_at_once_leave_one_whole_file() {
    let folder = Folder::new("writers");
    let path = folder.at("pool");
    std::thread::scope(|scope| {
        for writer in 0..4u8 {
            let path = &path;
            scope.spawn(move || (0..50).for_each(|_| replace(path, &[writer; 50_000]).unwrap()));
        }
    });
    let content = fs::read(&path).unwrap();
    assert_eq!(content.len(), 50_000);
    assert!(content.iter().all(|byte| Some(byte) == content.first()), "a file of two writers");
    assert_eq!(folder.names(), ["pool"]);
}
