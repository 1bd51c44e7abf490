//! A disk that is full: a small file system of its own, where this may be mounted.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use flexcore::client::Body;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    dice::Dice,
    load::{Disk, Load},
    world::World,
};

/// Two journals with two segments each, and what is filled.
const DISK: &str = "size=96m";
/// When there is room again, appends are taken again within this time.
const RECOVER_TIME_MAX: Duration = Duration::from_secs(120);

struct Mounted<'p>(&'p Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        // Lazily: the guard of a killed engine's children may be in it for a moment.
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

fn mount(at: &Path) -> Result<Mounted<'_>, String> {
    fs::create_dir_all(at).map_err(|error| error.to_string())?;
    let output = Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(at).output();
    let output = output.map_err(|error| format!("there is no `mount` ({error})"))?;
    if output.status.success() {
        return Ok(Mounted(at));
    }
    Err(format!("a small file system cannot be mounted, which needs root: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

pub(crate) fn can_mount() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    mount(&folder.path().join("disk")).map(drop)
}

/// A disk fills under load, the engine is killed on it, and the next one finds everything; with room again it goes on by
/// itself.
pub(crate) async fn round(program: &Path, dice: &mut Dice) -> Result<(), String> {
    let mut world = World::new(program)?;
    let disk = world.folder().join("disk");
    let mounted = mount(&disk)?;
    world.data = disk.join("data");
    let done = filled(&world, &disk, dice).await;
    drop(mounted);
    done.map_err(|wrong| world.keep(0, &format!("on a full disk: {wrong}")))
}

async fn filled(world: &World, disk: &Path, dice: &mut Dice) -> Result<(), String> {
    let ballast = disk.join("ballast");
    for number in 0..2 {
        let engine = world.begin().await?;
        let load = Load::start(&engine, &world.shared, dice, Disk::Full);
        tokio::time::sleep(Duration::from_millis(dice.between(50, 300))).await;
        if number == 0 {
            fill(&ballast)?;
        }
        let before = world.model().figures.refused;
        let deadline = Instant::now() + RECOVER_TIME_MAX;
        while number == 0 && world.model().figures.refused == before {
            if Instant::now() > deadline {
                return Err(format!("nothing is refused on a full disk\n{}", engine.told()));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(dice.between(1, 200))).await;
        engine.kill()?;
        load.end().await?;
    }
    let engine = world.begin().await?;
    fs::remove_file(&ballast).map_err(|error| error.to_string())?;
    let deadline = Instant::now() + RECOVER_TIME_MAX;
    let fact = json!({"type": "room.again"});
    while let Err(error) = engine.http.read::<Value>(Method::POST, "/events", Some(Body::json(&fact))).await {
        if Instant::now() > deadline {
            return Err(format!("there is room, and an append is still refused: {error}\n{}", engine.told()));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    engine.kill()?;
    world.drain().await
}

/// Takes all room that is left.
fn fill(path: &Path) -> Result<(), String> {
    let mut file = File::create(path).map_err(|error| error.to_string())?;
    for size in [1 << 20, 4 << 10] {
        let block = vec![1; size];
        while file.write_all(&block).is_ok() {}
    }
    Ok(())
}
