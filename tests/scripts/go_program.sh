# A program that a Go module of tests pins: built once, kept beside the control plane. Sourced; `go_program NAME MODULE
# PACKAGE VARIABLE` prints, as its last line, the program's path. What it has to say goes to stderr.
. "$(dirname -- "${BASH_SOURCE[0]}")/kept.sh"

go_program() {
  local name=$1 module=$2 package=$3 variable=$4
  local hash folder program temp
  if [ -n "${!variable:-}" ]; then
    printf '%s\n' "${!variable}"
    return
  fi
  say() { printf '%s: %s\n' "$name" "$*" >&2; }
  hash=$({ cat "$module/go.mod" "$module/go.sum"; uname -sm; } | kept_hash)
  folder=$(kept_folder "$name")
  program=$name-$hash
  if ! kept_whole "$folder" "$program"; then
    command -v go >/dev/null || {
      say "there is no $name and no Go to build it with: install Go 1.26, or set $variable to yours"
      return 1
    }
    # Whoever waited finds it done.
    kept_alone "$folder"
    if ! kept_whole "$folder" "$program"; then
      say 'building it once (2 to 15 minutes)'
      temp=$(mktemp "$folder/.building.XXXXXX")
      # shellcheck disable=SC2064 # the name as it is now
      trap "rm -f '$temp'" EXIT
      (cd "$module" && CGO_ENABLED=0 GOWORK=off go build -trimpath -buildvcs=false -mod=readonly -ldflags '-s -w' \
        -o "$temp" "$package") >&2
      mv "$temp" "$folder/$program"
    fi
  fi
  printf '%s\n' "$folder/$program"
}
