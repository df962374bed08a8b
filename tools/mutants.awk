# Finds the mutants of the C++ files given, for tools/mutants, and prints one a line:
#   number TAB file TAB line TAB what
# With -v into=FOLDER also writes there each file in such a form that the mutants whose numbers stand in the file `keep` can
# be switched on when the program starts, and FOLDER/places: file:line TAB number, where an error of the compiler is about
# that mutant and no other.

function fill(text, with) { gsub(/[^\n]/, with, text); return text }

# Sets code: comments and directives made blank; shape: literals as well, so that brackets and operators are what they seem.
function read_shape(text,    token, length_, all) {
  code = shape = ""
  while (match(text, /\/\/[^\n]*|(^|\n)#[^\n]*|R"\(|"([^"\\\n]|\\.)*"|'([^'\\\n]|\\.)+'/)) {
    token = substr(text, RSTART, RLENGTH)
    length_ = token == "R\"(" ? index(substr(text, RSTART), ")\"") + 1 : RLENGTH
    all = substr(text, RSTART, length_)
    code = code substr(text, 1, RSTART - 1) (token ~ /^(\/\/|\n?#)/ ? fill(all, " ") : all)
    shape = shape substr(text, 1, RSTART - 1) fill(all, token ~ /^(\/\/|\n?#)/ ? " " : "_")
    text = substr(text, RSTART + length_)
  }
  code = code text
  shape = shape text
  split(shape, at, "")
}

# Where the bracket that stands at i is closed.
function closing(i,    depth) {
  for (depth = 0; i in at; i++) {
    if (at[i] ~ /[([{]/) depth++
    if (at[i] ~ /[])}]/ && --depth == 0) return i
  }
}

# The widest expression of true or false around the operator at i: [from, to). What binds more loosely than || ends it.
function bounds(i,    depth) {
  depth = 0
  for (from = i; from > 1; from--) {
    if (at[from - 1] ~ /[])}]/) depth++
    else if (at[from - 1] ~ /[([{]/ && --depth < 0) break
    if (depth > 0) continue
    if (at[from - 1] ~ /[,;?]/ || substr(shape, from - 1, 2) ~ /^(:[^:]|=[^=])$/ && substr(shape, from - 2, 1) !~ /[:=!<>]/) break
    if (substr(shape, from - 8, 8) ~ /[^A-Za-z_]return[ \n]$/) break
  }
  depth = 0
  for (to = i; to in at; to++) {
    if (at[to] ~ /[([{]/) depth++
    else if (at[to] ~ /[])}]/ && --depth < 0) break
    if (depth == 0 && (at[to] ~ /[,;?]/ || substr(shape, to - 1, 3) ~ /^[^:]:[^:]$/)) break
  }
  while (at[from] ~ /[ \n]/) from++
  while (at[to - 1] ~ /[ \n]/) to--
}

# What stands on both sides of the comparison at i: [left, right).
function operands(i,    depth) {
  bounds(i)
  depth = 0
  for (left = i; left > from; left--) {
    if (at[left - 1] ~ /[])}]/) depth++
    else if (at[left - 1] ~ /[([{]/) depth--
    else if (depth == 0 && substr(shape, left - 2, 2) ~ /^(&&|[|][|])$/) break
  }
  for (right = i; right < to; right++) {
    if (at[right] ~ /[([{]/) depth++
    else if (at[right] ~ /[])}]/) depth--
    else if (depth == 0 && substr(shape, right, 2) ~ /^(&&|[|][|])$/) break
  }
  while (at[left] ~ /[ \n]/) left++
  while (at[right - 1] ~ /[ \n]/) right--
}

function found(what) {
  printf "%d\t%s\t%d\t%s\n", ++number, FILENAME, line, what
  return number in kept
}

function emit(text) { printf "%s", text >target; target_line += gsub(/\n/, "", text) }
function emit_alternative(id, text) {
  gsub(/\n/, " ", text)
  emit("\n")
  print FILENAME ":" target_line "\t" id >places
  emit(text)
}

BEGIN {
  RS = "\001"
  other["<"] = "<="; other[">"] = ">="; other["<="] = "<"; other[">="] = ">"
  other["=="] = "!="; other["!="] = "=="; other["&&"] = "||"; other["||"] = "&&"
  refusal = "^[ \n]*return (fail|refuse|too_large|false;|std::nullopt;|[{][}];)"
  places = into "/places"
  if (into) {
    RS = "\n"
    while ((getline id <keep) > 0) kept[id]
    RS = "\001"
    printf "" >places
  }
}

{
  split("", deleted); split("", ignored); split("", rule); split("", rule_end); split("", unruled)
  split("", opened); split("", closed); split("", mutants_of)
  split("", reach); split("", blind); split("", edge); split("", edge_begin); split("", edge_operator); split("", edge_end)
  read_shape($0)
  size = length(shape)
  line = 1
  for (i = 1; i <= size; i++) {
    if (at[i] == "\n") {
      line++
      # A rule of the states that is not there: nobody may do it. The table is then made when the program starts.
      row = substr(shape, i + 1, 200)
      sub(/\n.*/, "", row)
      if (FILENAME ~ /visit_state/ && row ~ /^ *[{](Visit|Finding)State::[^,]*, [^,]*, [^,]*, [^,]*[}],$/) {
        line++
        if (found("rule deleted")) {
          split(row, part, ",")
          rule[i + length(part[1] part[2]) + 3] = number
          rule_end[i + length(part[1] part[2] part[3]) + 3] = 1
        }
        line--
      }
    } else if (at[i] == "c" && substr(shape, i, 60) ~ /^constexpr auto k(Visit|Finding)Transitions /) {
      unruled[i]
    } else if (at[i] == "i" && substr(shape, i, 4) == "if (" && at[i - 1] !~ /[A-Za-z_]/) {
      # A refusal that is not made.
      body = closing(i + 3) + 1
      rest = substr(shape, body)
      braced = rest ~ /^ [{]/
      if (braced) { rest = substr(rest, 3, closing(body + 1) - body - 2); sub(/^.*;[ \n]*return /, "return ", rest) }
      if (rest ~ refusal && found("check deleted")) {
        deleted[i] = number
        # Only a program that makes the refusal can tell that it is gone.
        match(substr(shape, body), braced ? "^ [{]" : "^[ \n]*return ")
        if (braced) reach[body + RLENGTH] = " dudao_reach(" number ");"
        else if (rest !~ /^[ \n]*return [{]/) reach[body + RLENGTH] = "dudao_reach(" number "), "
        blind[number] = !((body + RLENGTH) in reach)
      }
    } else if (at[i] == "D" && substr(shape, i, 12) == "DUDAO_CHECK(") {
      # An error that is not passed on.
      if (found("error ignored")) ignored[i] = number
    } else if (at[i] == " ") {
      if (!match(substr(shape, i, 4), /^ (<|>|<=|>=|==|!=|&&|[|][|])[ \n]/)) continue
      op = substr(shape, i + 1, RLENGTH - 2)
      if (!found("\"" op "\" becomes \"" other[op] "\"")) continue
      bounds(i)
      if (!(from in opened)) { opened[from] = to; closed[to] = closed[to] "))" }
      mutants_of[from] = mutants_of[from] " " number
      edge[number] = op ~ /^[<>]/
      if (edge[number]) {
        operands(i)
        edge_begin[left] = "dudao_edge<'" substr(op, 1, 1) "', " length(op) ">(" number ", "
        edge_operator[i + 1] = length(op)
        edge_end[right] = 1
      }
      changed[number] = "static_cast<bool>(" substr(code, from, i - from) " " other[op] " " substr(code, i + 1 + length(op), to - i - 1 - length(op)) ")"
    }
  }
  if (!into) next

  target = into "/" FILENAME
  target_line = 1
  plain = 1
  for (i = 1; i <= size + 1; i++) {
    if (!(i in closed || i in opened || i in deleted || i in ignored || i in rule || i in rule_end || i in unruled ||
          i in edge_begin || i in edge_operator || i in edge_end || i in reach)) continue
    emit(substr($0, plain, i - plain))
    plain = i
    if (i in edge_end) emit(")")
    if (i in reach) emit(reach[i])
    if (i in closed) emit(closed[i])
    if (i in rule_end) emit(")")
    if (i in deleted) emit_alternative(deleted[i], "if (" (blind[deleted[i]] ? "dudao_mutant(" : "dudao_awake(") deleted[i] ")) {} else ")
    if (i in rule) emit_alternative(rule[i], "static_cast<ActorSet>(dudao_rule(" rule[i] ") ? 0 : ")
    if (i in ignored) {
      emit_alternative(ignored[i], "DUDAO_CHECK_UNLESS(" ignored[i] ", ")
      plain = i + 12
    }
    if (i in unruled) {
      emit("const")
      plain = i + 9
    }
    if (i in opened) {
      emit("(")
      count = split(mutants_of[i], ids, " ")
      for (n = 1; n <= count; n++) {
        emit((edge[ids[n]] ? "dudao_awake(" : "dudao_mutant(") ids[n] ") ?")
        emit_alternative(ids[n], changed[ids[n]])
        emit("\n: ")
      }
      emit("static_cast<bool>(")
    }
    if (i in edge_begin) emit(edge_begin[i])
    if (i in edge_operator) {
      emit(",")
      plain = i + edge_operator[i]
    }
  }
  emit(substr($0, plain))
  close(target)
}
