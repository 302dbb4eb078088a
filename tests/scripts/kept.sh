# What tests build once and keep: where it is, whether it is whole, and that one build goes at a time. Sourced by the
# scripts that build; `say` is theirs. It builds nothing itself.

# A short name for all that something is built from, which is read from stdin.
kept_hash() {
    if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c1-12
}

# kept_folder NAME: the absolute path of the folder for things of this name, which is there afterwards.
kept_folder() {
    local repository folder
    repository=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
    folder=${SD_CACHE_DIR:-$repository/.cache}/$1
    mkdir -p -- "$folder"
    (CDPATH='' cd -- "$folder" && pwd -P)
}

# kept_whole FOLDER NAME...: whether all of them are in the folder.
kept_whole() {
    local folder=$1 name
    shift
    for name in "$@"; do
        [[ -e $folder/$name ]] || return 1
    done
}

# kept_alone FOLDER: waits until no other script builds what is kept there, and keeps others waiting until this one ends.
# Without flock (macOS) they build side by side, and the first to finish wins.
kept_alone() {
    command -v flock >/dev/null || return 0
    exec 9>"$1/.lock"
    flock -n 9 || {
        say 'another build is under way: waiting for it'
        flock 9
    }
}

# kept_go FILE MODULE: the version of a module that a go.mod requires.
kept_go() {
    awk -v module="$2" '$1 == module { print $2; exit }' "$1"
}
