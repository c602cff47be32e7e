cmake_policy(VERSION 3.25)
# Writes version.cc, if it would be another one.
execute_process(COMMAND ${VERSION_COMMAND} OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE
                COMMAND_ERROR_IS_FATAL ANY)
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#include \"support/version/version.h\"

const char* const zcrx::kVersion = \"@version@\";
" @ONLY)
