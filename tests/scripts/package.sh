#!/usr/bin/env bash
# The API client as others get it: packed, unpacked away from its sources and compiled with all its targets. What it
# depends on is compiled once and kept: the profiles are the workspace's, and the crate stands at one place.
set -euo pipefail
cd "$(dirname "$0")/../.."

crate=screwdriver-api-client
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
rm -rf "$target/package/$crate"-* "$target/package/unpacked"
cargo package --package "$crate" --no-verify --allow-dirty --locked --quiet

mkdir -p "$target/package/unpacked"
tar -xzf "$target/package/$crate"-*.crate -C "$target/package/unpacked" --strip-components 1
# A workspace of its own, although it lies within ours.
{ printf '\n[workspace]\n\n' && sed -n '/^\[profile/,$p' Cargo.toml; } >>"$target/package/unpacked/Cargo.toml"
cargo check --manifest-path "$target/package/unpacked/Cargo.toml" --all-targets --frozen --quiet --target-dir "$target"
echo "$crate: the packed crate compiles"
