# A program that a Go module of tests pins: built once, kept beside the control plane. Sourced; `go_program NAME MODULE
# PACKAGE VARIABLE` prints, as its last line, the program's path. What it has to say goes to stderr.
go_program() {
  local name=$1 module=$2 package=$3 variable=$4
  local hash folder program temp
  if [ -n "${!variable:-}" ]; then
    printf '%s\n' "${!variable}"
    return
  fi
  hash=$({ cat "$module/go.mod" "$module/go.sum"; uname -sm; } | sha256sum | cut -c1-12)
  folder=${SD_CACHE_DIR:-$module/../../.cache}/$name
  mkdir -p "$folder"
  folder=$(CDPATH='' cd -- "$folder" && pwd -P)
  program=$folder/$name-$hash
  if [ ! -x "$program" ]; then
    command -v go >/dev/null || {
      echo "$name: there is no $name and no Go to build it with: install Go 1.26, or set $variable to yours" >&2
      return 1
    }
    echo "$name: building it once (2 to 15 minutes)" >&2
    # One build at a time; whoever waited finds it done.
    exec 9>"$folder/.lock"
    flock 9
    if [ ! -x "$program" ]; then
      temp=$(mktemp "$folder/.building.XXXXXX")
      # shellcheck disable=SC2064 # the name as it is now
      trap "rm -f '$temp'" EXIT
      (cd "$module" && CGO_ENABLED=0 GOWORK=off go build -trimpath -buildvcs=false -mod=readonly -ldflags '-s -w' \
        -o "$temp" "$package") >&2
      mv "$temp" "$program"
    fi
  fi
  printf '%s\n' "$program"
}
