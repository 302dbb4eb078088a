# Prints README.md's table of values from values.yaml: each comment that begins with two dashes, with the key below it.
# A comment may go on over lines; a value that is more than one line is shown as "see values.yaml".
function flush_row() {
  if (key != "") printf "| `%s` | %s | %s |\n", key, (nested ? "see values.yaml" : "`" value "`"), text
  key = ""; nested = 0
}
/^ *# -- / { flush_row(); sub(/^ *# -- /, ""); pending = $0; next }
pending != "" && /^ *# / { sub(/^ *# /, ""); pending = pending " " $0; next }
/^ *[A-Za-z_-]+:/ {
  match($0, /^ */); depth = RLENGTH / 2
  if (key != "" && depth > level) { nested = 1 } else flush_row()
  name = $0; sub(/^ */, "", name); sub(/:.*/, "", name)
  path[depth] = name
  if (pending != "") {
    flush_row()
    key = path[0]; for (i = 1; i <= depth; i++) key = key "." path[i]
    value = $0; sub(/^[^:]*: */, "", value); level = depth; text = pending; pending = ""
  }
}
END { flush_row() }
