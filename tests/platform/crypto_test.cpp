#include "platform/crypto.hpp"

#include "tests/support/bad_keys.hpp"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace dudao;
using namespace dudao::test;

namespace {

Bytes hex(std::string_view digits) { return from_hex(digits).value(); }

}  // namespace

TEST_CASE("SHA-256, HMAC and scrypt give the published values") {
  CHECK(to_hex(sha256(view("abc"))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256({view("a"), view(""), view("bc")}) == sha256(view("abc")));
  // RFC 4231, test case 2.
  CHECK(to_hex(hmac_sha256(view("Jefe"), view("what do ya want for nothing?"))) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(to_hex(hmac_sha256({}, {})) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
  // RFC 7914, section 12: the first half of the 64 bytes there.
  CHECK(to_hex(scrypt(view("password"), view("NaCl"), 10, 16)) ==
        "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162");
}

TEST_CASE("Ed25519 agrees with RFC 8032") {
  const std::filesystem::path file = DUDAO_SHARED_DIR "/vectors/rfc8032/ed25519.json";
  if (!std::filesystem::exists(file)) {
    WARN("skipped: " << file << " is not there");
    return;
  }
  std::ifstream in(file);
  const auto vectors = nlohmann::json::parse(in);
  const auto& cases = vectors.is_array()            ? vectors
                      : vectors.contains("vectors") ? vectors["vectors"]
                                                    : vectors.begin().value();
  REQUIRE(cases.size() >= 5);
  for (const auto& one : cases) {
    const auto field = [&](std::initializer_list<const char*> names) {
      for (const char* name : names)
        if (one.contains(name)) return one[name].get<std::string>();
      FAIL("no such field in " << one.dump());
      return std::string();
    };
    const auto key =
        PrivateKey::from_secret(Algorithm::kEd25519, hex(field({"sk", "secret", "secret_key", "SECRET KEY"})));
    REQUIRE(key);
    CHECK(to_hex(key->public_key().raw()) == field({"pk", "public", "public_key", "PUBLIC KEY"}));
    const Bytes message = hex(field({"msg", "message", "MESSAGE"}));
    const Bytes signature = hex(field({"sig", "signature", "SIGNATURE"}));
    CHECK(key->sign(message) == signature);
    CHECK(key->public_key().verify(message, signature));
  }
}

TEST_CASE("a changed bit anywhere in message, signature or key is noticed") {
  for (const Algorithm algorithm : {Algorithm::kEd25519, Algorithm::kEs256}) {
    const PrivateKey key = PrivateKey::generate(algorithm);
    Bytes message = to_bytes(view("第一小学 消防通道畅通"));
    Bytes signature = key.sign(message);
    REQUIRE(signature.size() == 64);
    REQUIRE(key.public_key().verify(message, signature));
    for (std::size_t bit = 0; bit < signature.size() * 8; ++bit) {
      signature[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      CHECK_FALSE(key.public_key().verify(message, signature));
      signature[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    }
    for (std::size_t bit = 0; bit < message.size() * 8; ++bit) {
      message[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      CHECK_FALSE(key.public_key().verify(message, signature));
      message[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    }
    CHECK_FALSE(key.public_key().verify(message, BytesView(signature).first(63)));
    CHECK_FALSE(key.public_key().verify(message, {}));
    CHECK_FALSE(PrivateKey::generate(algorithm).public_key().verify(message, signature));
    const auto again = PrivateKey::from_secret(algorithm, key.secret());
    CHECK(again->public_key() == key.public_key());
  }
}

TEST_CASE("keys that anyone could sign for, or that are no point, are refused") {
  for (const char* encoding : kBadEd25519Keys) {
    const auto key = PublicKey::from_raw(Algorithm::kEd25519, hex(encoding));
    INFO(encoding);
    REQUIRE_FALSE(key);
    CHECK(key.error().code == Code::kKeyNotValid);
  }
  CHECK_FALSE(PublicKey::from_raw(Algorithm::kEd25519, Bytes(31, 9)));
  CHECK_FALSE(PublicKey::from_raw(Algorithm::kEs256, Bytes(64, 9)));
  CHECK_FALSE(PublicKey::from_raw(Algorithm::kEs256, Bytes(64, 0)));
  CHECK_FALSE(PrivateKey::from_secret(Algorithm::kEs256, Bytes(32, 0)));
  CHECK_FALSE(PrivateKey::from_secret(Algorithm::kEs256, Bytes(32, 255)));
  // The check refuses no honest key.
  for (int i = 0; i < 200; ++i) CHECK_NOTHROW(PrivateKey::generate(Algorithm::kEd25519));
}

TEST_CASE("the thumbprint is that of RFC 9679") {
  const auto key = PrivateKey::from_secret(Algorithm::kEd25519,
                                           hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
  const std::string thumbprint = to_hex(key->public_key().thumbprint());
  CHECK(thumbprint.starts_with("866eefbd"));
  CHECK(thumbprint.ends_with("a415743"));
}

TEST_CASE("what is sealed opens with the same key and context only") {
  const Bytes key = random_bytes(32);
  const Bytes plain = to_bytes(view("a private key"));
  Bytes sealed = seal(key, plain, view("context"));
  CHECK(open_sealed(key, sealed, view("context")) == plain);
  CHECK(seal(key, plain, view("context")) != sealed);
  CHECK(open_sealed(random_bytes(32), sealed, view("context")).error().code == Code::kSealBroken);
  CHECK(open_sealed(key, sealed, view("other")).error().code == Code::kSealBroken);
  CHECK(open_sealed(key, Bytes(5), view("context")).error().code == Code::kSealBroken);
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    sealed[i] ^= 1;
    CHECK_FALSE(open_sealed(key, sealed, view("context")));
    sealed[i] ^= 1;
  }
  CHECK(open_sealed(key, seal(key, {}, {}), {}) == Bytes());
}

TEST_CASE("comparing in constant time compares") {
  CHECK(equal_constant_time(view("same"), view("same")));
  CHECK_FALSE(equal_constant_time(view("same"), view("sane")));
  CHECK_FALSE(equal_constant_time(view("same"), view("sam")));
  CHECK(equal_constant_time({}, {}));
}
