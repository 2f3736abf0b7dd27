use std::io::Read;
use std::os::unix::fs::symlink;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tempfile::TempDir;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

fn fifo(dir: &TempDir) -> PathBuf {
    let path = dir.path().join("fifo");
    mkfifo(&path, Mode::from_bits_truncate(0o600)).unwrap();
    path
}

/// Opens a FIFO's other end without waiting for anybody.
fn reader(fifo: &Path) -> File {
    OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(fifo).unwrap()
}

#[test]
fn a_file_is_replaced_and_keeps_its_mode() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("file");
    write_whole(&path, 0o644, b"one").unwrap();
    assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"one".to_vec(), 0o644));
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let before = fs::metadata(&path).unwrap().ino();
    write_whole(&path, 0o644, b"two").unwrap();
    assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"two".to_vec(), 0o600));
    assert_ne!(fs::metadata(&path).unwrap().ino(), before, "it was not replaced in one step");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_link_stays_and_what_it_names_is_replaced() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("other")).unwrap();
    let (link, file) = (dir.path().join("link"), dir.path().join("other/file"));
    symlink("other/file", dir.path().join("middle")).unwrap();
    symlink("middle", &link).unwrap();
    for text in [&b"created"[..], b"replaced"] {
        write_whole(&link, 0o644, text).unwrap();
        assert_eq!(fs::read(&file).unwrap(), text);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
    symlink("loop", dir.path().join("loop")).unwrap();
    let error = write_whole(&dir.path().join("loop"), 0o644, b"x").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(nix::libc::ELOOP));
}

#[test]
fn a_device_is_written_to_and_stays() {
    let before = fs::metadata("/dev/null").unwrap();
    write_whole(Path::new("/dev/null"), 0o644, b"x").unwrap();
    let dir = TempDir::new().unwrap();
    let link = dir.path().join("link");
    symlink("/dev/null", &link).unwrap();
    write_whole(&link, 0o644, b"x").unwrap();
    let after = fs::metadata("/dev/null").unwrap();
    assert_eq!((after.ino(), after.mode()), (before.ino(), before.mode()));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let error = write_whole(Path::new("/dev/full"), 0o644, b"x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
}

#[test]
fn a_fifo_is_written_to_if_somebody_reads_it() {
    let dir = TempDir::new().unwrap();
    let path = fifo(&dir);
    assert!(NoReader::is(&write_whole(&path, 0o644, b"x").unwrap_err()));
    assert!(NoReader::is(&append(&path, None).unwrap_err()));
    let mut reader = reader(&path);
    write_whole(&path, 0o644, b"text").unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "text");
    assert_eq!(append(&path, None).unwrap().kind, OutputKind::Fifo);
    let error = write_whole(&path, 0o644, &vec![0; 1 << 20]).unwrap_err();
    assert_eq!(error.to_string(), "its reader does not keep up");
    assert!(fs::metadata(&path).unwrap().file_type().is_fifo());
}

#[test]
fn an_open_file_of_a_process_is_written_to() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("file");
    let open = File::create(&path).unwrap();
    let by_number = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&open));
    write_whole(Path::new(&by_number), 0o644, b"text").unwrap();
    assert_eq!(open.metadata().unwrap().len(), 4);
}

#[test]
fn what_is_no_file_is_refused() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("socket");
    let _socket = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    for (path, problem) in [
        (dir.path(), "it is a directory"),
        (&socket, "it is a socket; the handler `socket` sends to one"),
    ] {
        assert_eq!(append(path, None).unwrap_err().to_string(), problem);
        assert_eq!(write_whole(path, 0o644, b"x").unwrap_err().to_string(), problem);
    }
}

#[test]
fn a_new_file_is_private_unless_said_otherwise() {
    let dir = TempDir::new().unwrap();
    let [usual, open, old] = ["usual", "open", "old"].map(|name| dir.path().join(name));
    append(&usual, None).unwrap();
    assert_eq!(mode(&usual) & !PRIVATE, 0);
    append(&open, Some(FileMode(0o666))).unwrap();
    assert_eq!(mode(&open), 0o666, "the umask counts for nothing where a mode is asked for");
    File::create(&old).unwrap().set_permissions(Permissions::from_mode(0o604)).unwrap();
    append(&old, Some(FileMode(0o600))).unwrap();
    assert_eq!(mode(&old), 0o604);
}

#[test]
fn a_link_of_another_user_in_a_directory_for_all_is_not_followed() {
    if !Uid::effective().is_root() {
        return;
    }
    let dir = TempDir::new().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o1777)).unwrap();
    let (link, precious) = (dir.path().join("link"), dir.path().join("precious"));
    fs::write(&precious, "mine").unwrap();
    symlink(&precious, &link).unwrap();
    std::os::unix::fs::lchown(&link, Some(65_534), Some(65_534)).unwrap();
    let error = write_whole(&link, 0o644, b"x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(append(&link, None).unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(fs::read(&precious).unwrap(), b"mine");
    assert_eq!(target(&link).unwrap_err().kind(), ErrorKind::PermissionDenied);
}
