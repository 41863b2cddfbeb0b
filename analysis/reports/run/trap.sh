# read first by the bash of a cell (BASH_ENV); what that one starts is not listened to
__lj_file=$LIANJIAN_TRAP
unset BASH_ENV LIANJIAN_TRAP
# what a script itself sees ($?, $_, what `set -x` prints) stays as it is
trap '{ __lj_code=$? __lj_=$_;
printf "%s\t%s\n" "$__lj_code" "$BASH_COMMAND" >> "$__lj_file";
: "$__lj_"; } 2>/dev/null' ERR
