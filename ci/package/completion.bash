# bash completion for zcrx_tests and zcrx_nic: their options as --help lists them, tests by their
# names, files.
_zcrx_hwtest() {
  local program=$1 word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  # bash takes = for a word of its own.
  if [[ $word == = ]]; then
    word=
  elif [[ $before == = ]]; then
    before=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case $before in
    --gtest_filter)
      mapfile -t COMPREPLY < <(compgen -W "$("$program" --gtest_list_tests 2>/dev/null | sed -n 's/^\([A-Z].*\)\.$/\1.*/p')" -- "$word")
      ;;
    --netif)
      # In single quotes, as compgen expands the words: a name may hold $(...).
      # shellcheck disable=SC2016
      mapfile -t COMPREPLY < <(compgen -W '$(ls /sys/class/net)' -- "$word")
      ;;
    --config | --junit | --kcidb | --sender | --ssh-config | --ssh-identity | --ssh-known-hosts | snapshot | diff | restore)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      ;;
    *)
      local words
      words=$("$program" --help 2>/dev/null | sed -n 's/^  \(--[a-z0-9-]*=\{0,1\}\).*/\1/p; s/^  \([a-z][a-z-]\{3,\}\) .*/\1/p')
      [[ $program != *zcrx_tests ]] || words+=$'\n--gtest_filter=\n--gtest_list_tests\n--gtest_repeat=\n--gtest_shuffle'
      mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
      [[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
      ;;
  esac
} &&
  complete -F _zcrx_hwtest zcrx_tests zcrx_nic
