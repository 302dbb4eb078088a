#!/usr/bin/env bash
# What the tree may hold (deny.toml), as far as that can be told without a tool and without the network: nothing that is not
# used, no licence that is not allowed, no other registry, one TLS stack, and one of each big crate.
set -euo pipefail
cd "$(dirname "$0")/../.."

bad=0
# The names in one section of a manifest, and in those of the same kind for some targets only.
names() {
  awk -v section="$2" '
    /^\[/ { name = substr($0, 2, length($0) - 2); on = name == section || (name ~ /^target\./ && name ~ ("\\." section "$")) }
    on && /^[a-z]/ { sub(/[ .=].*/, ""); print }' "$1"
}
# used NAME PLACES...: Rust code in one of these places names the crate.
used() {
  local name=${1//-/_}
  shift
  grep -rqE --include='*.rs' "\\b$name::|\\buse $name\\b" "$@" 2>/dev/null
}
for manifest in crates/*/Cargo.toml tests/Cargo.toml; do
  crate=${manifest%/Cargo.toml}
  for name in $(names "$manifest" dependencies); do
    used "$name" "$crate/src" || { echo "$manifest: nothing in src uses $name"; bad=1; }
  done
  for name in $(names "$manifest" dev-dependencies); do
    used "$name" "$crate" || { echo "$manifest: no test uses $name"; bad=1; }
  done
done
for name in $(names Cargo.toml workspace.dependencies); do
  grep -qE "^$name(\.workspace| = .*workspace)" crates/*/Cargo.toml tests/Cargo.toml ||
    { echo "Cargo.toml: no crate uses $name"; bad=1; }
done

# An expression of licences is true if each allowed one is 1, each other one 0, AND is & and OR is |.
allowed=$(sed -n '/^allow = \[/,/^\]/p' deny.toml | grep -oE '"[^"]+"' | tr -d '"' | paste -sd '|')
licences=$(cargo tree --workspace --edges normal,build --prefix none --format '{p};{l}' --locked | sed 's/ (\*)$//' |
  grep ';' | sort -u | awk -F ';' -v allowed="$allowed" '
    BEGIN { count = split(allowed, list, "|"); for (i = 1; i <= count; i++) ok[list[i]] = 1 }
    function value(text, words, count, i, word, out) {
      gsub(/\//, " OR ", text); gsub(/\(/, " ( ", text); gsub(/\)/, " ) ", text); gsub(/ WITH /, "~", text)
      count = split(text, words, " ")
      for (i = 1; i <= count; i++) {
        word = words[i]; gsub(/~/, " WITH ", word)
        if (word == "AND") out = out "&"
        else if (word == "OR") out = out "|"
        else if (word == "(" || word == ")") out = out word
        else out = out (word in ok)
      }
      while (sub(/\(1\)/, "1", out) || sub(/\(0\)/, "0", out) || sub(/1&1/, "1", out) || sub(/0&[01]|1&0/, "0", out) ||
        sub(/\(0\|0/, "(0", out) || sub(/\((1\|[01]|0\|1)/, "(1", out) || sub(/^0\|0/, "0", out) ||
        sub(/^(1\|[01]|0\|1)$/, "1", out) || sub(/^(1\|[01]|0\|1)\|/, "1|", out));
      return out
    }
    value($2) != 1 { print $1 ": " ($2 == "" ? "no licence" : $2) }')
if [ -n "$licences" ]; then
  printf 'licences that deny.toml does not allow:\n%s\n' "$licences"
  bad=1
fi
elsewhere=$(grep '^source = ' Cargo.lock | grep -vFx 'source = "registry+https://github.com/rust-lang/crates.io-index"' || true)
if [ -n "$elsewhere" ]; then
  printf 'crates come from elsewhere than crates.io:\n%s\n' "$elsewhere"
  bad=1
fi

# One TLS stack, and one of each big crate.
tree=$(cargo tree --workspace --edges normal --prefix none --locked)
for crate in aws-lc-sys openssl-sys native-tls; do
  if grep -q "^$crate v" <<<"$tree"; then
    echo "$crate is in the tree: TLS is rustls with ring"
    bad=1
  fi
done
for crate in tokio hyper rustls reqwest h2 axum k8s-openapi lapin kube; do
  versions=$(grep -oE "^$crate v[^ ]+" <<<"$tree" | sort -u | wc -l)
  if [ "$versions" -gt 1 ]; then
    echo "$crate is in the tree $versions times"
    bad=1
  fi
done
[ "$bad" = 0 ] && echo 'dependencies: all are used, allowed and there once'
exit "$bad"
