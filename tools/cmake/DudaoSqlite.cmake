# dudao::sqlite3: SQLite with the session extension, as DUDAO_SQLITE chooses.
include_guard(GLOBAL)

find_package(SQLite3 REQUIRED)
add_library(dudao_sqlite3 INTERFACE)
add_library(dudao::sqlite3 ALIAS dudao_sqlite3)
target_link_libraries(dudao_sqlite3 INTERFACE SQLite::SQLite3)
install(TARGETS dudao_sqlite3 EXPORT dudaoTargets)
