trap '{ __lj_code=$? __lj_=$_;
printf "%s\t%s\n" "$__lj_code" "$BASH_COMMAND" >> FILE;
: "$__lj_"; } 2>/dev/null' ERR;
