# dudao::sqlite3: SQLite with the session extension, as DUDAO_SQLITE chooses.
#   system   the distribution's library (Debian 12: 3.40.1)
#   bundled  the amalgamation that package-lock.json pins by hash (SQLCipher 4.14 on SQLite 3.51.3, BSD-3); used without a
#            key it is a plain, newer SQLite. It is read from node_modules and never copied into this repository.
include_guard(GLOBAL)

if(DUDAO_SQLITE STREQUAL "bundled")
  set(sqlcipher "${PROJECT_SOURCE_DIR}/node_modules/@journeyapps/sqlcipher/deps/sqlcipher-amalgamation")
  if(NOT EXISTS "${sqlcipher}/sqlite3.c")
    message(FATAL_ERROR "DUDAO_SQLITE=bundled needs ${sqlcipher}/sqlite3.c. Run: tools/dev setup --bundled")
  endif()
  find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto)
  find_package(Threads REQUIRED)
  add_library(dudao_sqlite3 STATIC "${sqlcipher}/sqlite3.c")
  target_include_directories(dudao_sqlite3 SYSTEM PUBLIC "$<BUILD_INTERFACE:${sqlcipher}>")
  # Threads and temporary files as the distribution has them; the rest is what SQLCipher asks for.
  target_compile_definitions(dudao_sqlite3 PRIVATE
    SQLITE_THREADSAFE=1 SQLITE_HAS_CODEC SQLCIPHER_CRYPTO_OPENSSL SQLITE_TEMP_STORE=2 HAVE_STDINT_H HAVE_USLEEP=1
    SQLITE_EXTRA_INIT=sqlcipher_extra_init SQLITE_EXTRA_SHUTDOWN=sqlcipher_extra_shutdown SQLITE_SECURE_DELETE)
  # Somebody else's code: its warnings are not ours to mend, and -O0 makes it the slowest part of every test.
  target_compile_options(dudao_sqlite3 PRIVATE -w $<$<CONFIG:Debug>:-O1>)
  target_link_libraries(dudao_sqlite3 PRIVATE OpenSSL::Crypto Threads::Threads ${CMAKE_DL_LIBS} m)
  set_target_properties(dudao_sqlite3 PROPERTIES POSITION_INDEPENDENT_CODE ON EXPORT_NAME sqlite3)
  target_compile_definitions(dudao_sqlite3 PUBLIC SQLITE_ENABLE_SESSION=1 SQLITE_ENABLE_PREUPDATE_HOOK=1)
elseif(DUDAO_SQLITE STREQUAL "system")
  find_package(SQLite3 3.40 REQUIRED)
  add_library(dudao_sqlite3 INTERFACE)
  target_link_libraries(dudao_sqlite3 INTERFACE SQLite::SQLite3)
  # Debian's library has both compiled in; its header declares them only when asked.
  target_compile_definitions(dudao_sqlite3 INTERFACE SQLITE_ENABLE_SESSION=1 SQLITE_ENABLE_PREUPDATE_HOOK=1)
  set_target_properties(dudao_sqlite3 PROPERTIES EXPORT_NAME sqlite3)
else()
  message(FATAL_ERROR "DUDAO_SQLITE is \"${DUDAO_SQLITE}\". Choose system or bundled.")
endif()
add_library(dudao::sqlite3 ALIAS dudao_sqlite3)
install(TARGETS dudao_sqlite3 EXPORT dudaoTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
