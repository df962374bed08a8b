#include "platform/crypto.hpp"

#include "platform/hmac_sha1.hpp"

#include <cstdlib>
#include <memory>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rand.h>

namespace dudao {
namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, Deleter<Free>>;

using PKey = Owned<EVP_PKEY, EVP_PKEY_free>;
using DigestContext = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using CipherContext = Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using Number = Owned<BIGNUM, BN_free>;
using NumberContext = Owned<BN_CTX, BN_CTX_free>;
using Signature = Owned<ECDSA_SIG, ECDSA_SIG_free>;
using Parameters = Owned<OSSL_PARAM, OSSL_PARAM_free>;
using ParameterBuilder = Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;

constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;

/// OpenSSL fails here only for want of memory or when it is broken; there is no safe way on from either.
void require(bool done) {
  if (!done) std::abort();
}

Number number(BytesView big_endian) {
  return Number(BN_bin2bn(big_endian.data(), static_cast<int>(big_endian.size()), nullptr));
}

/// RFC 8032 section 5.1.3 decoding, plus: not of small order. A signature check alone accepts keys that anyone can sign
/// for.
bool ed25519_key_is_sound(BytesView raw) {
  NumberContext context(BN_CTX_new());
  Number p(BN_new());
  Number y(BN_new());
  Number x2(BN_new());
  Number u(BN_new());
  Number v(BN_new());
  Number d(BN_new());
  Number t(BN_new());
  require(context && p && y && x2 && u && v && d && t);
  // p = 2^255 - 19; d = -121665 / 121666 mod p.
  require(BN_set_bit(p.get(), 255) && BN_sub_word(p.get(), 19));
  Bytes little(raw.begin(), raw.end());
  const bool x_is_odd = (little.back() & 0x80) != 0;
  little.back() &= 0x7f;
  require(BN_lebin2bn(little.data(), static_cast<int>(little.size()), y.get()));
  if (BN_cmp(y.get(), p.get()) >= 0) return false;
  require(BN_set_word(t.get(), 121666) && BN_mod_inverse(d.get(), t.get(), p.get(), context.get()) &&
          BN_mul_word(d.get(), 121665) && BN_sub(d.get(), p.get(), d.get()) &&
          BN_nnmod(d.get(), d.get(), p.get(), context.get()));
  // x^2 = (y^2 - 1) / (d y^2 + 1)
  require(BN_mod_sqr(u.get(), y.get(), p.get(), context.get()) &&
          BN_mod_mul(v.get(), d.get(), u.get(), p.get(), context.get()) && BN_add_word(v.get(), 1) &&
          BN_nnmod(v.get(), v.get(), p.get(), context.get()) && BN_sub_word(u.get(), 1) &&
          BN_nnmod(u.get(), u.get(), p.get(), context.get()));
  if (BN_is_zero(v.get())) return false;
  require(BN_mod_inverse(t.get(), v.get(), p.get(), context.get()) &&
          BN_mod_mul(x2.get(), u.get(), t.get(), p.get(), context.get()));
  if (BN_is_zero(x2.get())) return false;  // x = 0: y = 1 or -1, of order 1 and 2 (and x = -0 is no encoding).
  // On the curve: x^2 is a square (Euler's criterion).
  require(BN_copy(t.get(), p.get()) && BN_sub_word(t.get(), 1) && BN_rshift1(t.get(), t.get()) &&
          BN_mod_exp(t.get(), x2.get(), t.get(), p.get(), context.get()));
  if (!BN_is_one(t.get())) return false;
  static_cast<void>(x_is_odd);
  // Doubling: y' = (y^2 + x^2) / (2 - y^2 + x^2) ... for a = -1; order 4 doubles to y' = -1, order 8 doubles to order 4
  // (y' = 0).
  Number y2(BN_new());
  Number a(BN_new());
  Number b(BN_new());
  require(y2 && a && b);
  const auto double_y = [&](BIGNUM* out_y, BIGNUM* y_squared, BIGNUM* x_squared) {
    // y' = (y^2 + x^2) / (1 - d x^2 y^2), and 1 + d x^2 y^2 = y^2 - x^2, so the denominator is 2 - y^2 + x^2.
    require(BN_mod_add(a.get(), y_squared, x_squared, p.get(), context.get()) && BN_set_word(b.get(), 2) &&
            BN_mod_sub(b.get(), b.get(), y_squared, p.get(), context.get()) &&
            BN_mod_add(b.get(), b.get(), x_squared, p.get(), context.get()) &&
            BN_mod_inverse(b.get(), b.get(), p.get(), context.get()) &&
            BN_mod_mul(out_y, a.get(), b.get(), p.get(), context.get()));
  };
  require(BN_mod_sqr(y2.get(), y.get(), p.get(), context.get()));
  if (BN_is_zero(y.get())) return false;  // order 4
  double_y(t.get(), y2.get(), x2.get());
  return !BN_is_zero(t.get());  // order 8 doubles to order 4, whose y is 0
}

PKey p256_key(BytesView point) {
  ParameterBuilder builder(OSSL_PARAM_BLD_new());
  require(builder &&
          OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, SN_X9_62_prime256v1, 0) &&
          OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()));
  Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return nullptr;
  return PKey(key);
}

Bytes uncompressed_point(BytesView raw) {
  Bytes point;
  point.reserve(1 + raw.size());
  point.push_back(0x04);
  append(point, raw);
  return point;
}

PKey public_pkey(Algorithm algorithm, BytesView raw) {
  if (algorithm == Algorithm::kEd25519)
    return PKey(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw.data(), raw.size()));
  return p256_key(uncompressed_point(raw));
}

/// The point that belongs to a scalar, as x then y; empty when the scalar is out of range.
Bytes p256_public(BytesView secret) {
  Owned<EC_GROUP, EC_GROUP_free> group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  Owned<EC_POINT, EC_POINT_free> point(EC_POINT_new(group.get()));
  const Number scalar = number(secret);
  require(group && point && scalar);
  if (BN_is_zero(scalar.get()) || BN_cmp(scalar.get(), EC_GROUP_get0_order(group.get())) >= 0) return {};
  Bytes out(65);
  require(EC_POINT_mul(group.get(), point.get(), scalar.get(), nullptr, nullptr, nullptr) == 1 &&
          EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, out.data(), out.size(),
                             nullptr) == out.size());
  out.erase(out.begin());
  return out;
}

PKey private_pkey(Algorithm algorithm, BytesView secret, BytesView raw_public) {
  if (algorithm == Algorithm::kEd25519)
    return PKey(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, secret.data(), secret.size()));
  const Bytes point = uncompressed_point(raw_public);
  ParameterBuilder builder(OSSL_PARAM_BLD_new());
  const Number scalar = number(secret);
  require(builder && scalar &&
          OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, SN_X9_62_prime256v1, 0) &&
          OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) &&
          OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar.get()));
  Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  require(parameters && context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
          EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, parameters.get()) == 1);
  return PKey(key);
}

/// COSE_Key with the required members only, in deterministic order (RFC 9679 section 4).
Hash thumbprint_of(Algorithm algorithm, BytesView raw) {
  if (algorithm == Algorithm::kEd25519) {
    const Bytes head{0xa3, 0x01, 0x01, 0x20, 0x06, 0x21, 0x58, 0x20};
    return sha256({head, raw});
  }
  const Bytes head{0xa4, 0x01, 0x02, 0x20, 0x01, 0x21, 0x58, 0x20};
  const Bytes middle{0x22, 0x58, 0x20};
  return sha256({head, raw.first(32), middle, raw.last(32)});
}

/// ECDSA as COSE writes it, r then s, and as OpenSSL does, DER.
Bytes der_from_fixed(BytesView fixed) {
  Signature signature(ECDSA_SIG_new());
  require(signature &&
          ECDSA_SIG_set0(signature.get(), number(fixed.first(32)).release(), number(fixed.last(32)).release()) == 1);
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  require(size > 0);
  Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

Bytes fixed_from_der(BytesView der) {
  const unsigned char* at = der.data();
  Signature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  require(signature != nullptr);
  Bytes out(64);
  require(BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out.data(), 32) == 32 &&
          BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out.data() + 32, 32) == 32);
  return out;
}

/// OpenSSL 3 looks the algorithm up by its name every time that it is given EVP_sha256(), which costs more than to hash
/// a small piece.
const EVP_MD* sha256_method() {
  static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  require(method != nullptr);
  return method;
}

const EVP_MD* digest_for(Algorithm algorithm) { return algorithm == Algorithm::kEd25519 ? nullptr : sha256_method(); }

}  // namespace

struct PublicKey::Native {
  PKey key;
};

Hash sha256(BytesView data) { return sha256({data}); }

Hash sha256(std::initializer_list<BytesView> parts) {
  Hash out;
  // Kept by each thread, since to make one costs as much as to hash a small piece.
  static thread_local const DigestContext context(EVP_MD_CTX_new());
  require(context && EVP_DigestInit_ex(context.get(), sha256_method(), nullptr) == 1);
  for (const BytesView part : parts) require(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  require(EVP_DigestFinal_ex(context.get(), out.data(), nullptr) == 1);
  return out;
}

Hash hmac_sha256(BytesView key, BytesView data) {
  Hash out;
  std::size_t size = 0;
  // A null key would mean "the one before"; an empty key is a key.
  const std::uint8_t none = 0;
  require(EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, key.empty() ? &none : key.data(), key.size(),
                    data.data(), data.size(), out.data(), out.size(), &size) != nullptr &&
          size == out.size());
  return out;
}

std::array<std::uint8_t, 20> hmac_sha1(BytesView key, BytesView data) {
  std::array<std::uint8_t, 20> out{};
  std::size_t size = 0;
  const std::uint8_t none = 0;  // as above
  require(EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA1", nullptr, key.empty() ? &none : key.data(), key.size(),
                    data.data(), data.size(), out.data(), out.size(), &size) != nullptr &&
          size == out.size());
  return out;
}

bool equal_constant_time(BytesView a, BytesView b) noexcept {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

void wipe(std::span<std::uint8_t> secret) noexcept { OPENSSL_cleanse(secret.data(), secret.size()); }

Bytes random_bytes(std::size_t n) {
  Bytes out(n);
  require(n == 0 || RAND_bytes(out.data(), static_cast<int>(n)) == 1);
  return out;
}

Result<PublicKey> PublicKey::from_raw(Algorithm algorithm, BytesView raw) {
  const bool ed25519 = algorithm == Algorithm::kEd25519;
  if (!ed25519 && algorithm != Algorithm::kEs256) return fail(Code::kKeyNotValid, "algorithm");
  if (raw.size() != (ed25519 ? 32u : 64u)) return fail(Code::kKeyNotValid, std::to_string(raw.size()) + " bytes");
  if (ed25519 && !ed25519_key_is_sound(raw)) return fail(Code::kKeyNotValid, "Ed25519 point");
  auto native = std::make_shared<Native>();
  native->key = public_pkey(algorithm, raw);
  if (!native->key) return fail(Code::kKeyNotValid, "P-256 point");
  PublicKey out;
  out.algorithm_ = algorithm;
  out.raw_ = to_bytes(raw);
  out.thumbprint_ = thumbprint_of(algorithm, raw);
  out.native_ = std::move(native);
  return out;
}

bool PublicKey::verify(BytesView message, BytesView signature) const {
  if (signature.size() != 64) return false;
  DigestContext context(EVP_MD_CTX_new());
  require(context &&
          EVP_DigestVerifyInit(context.get(), nullptr, digest_for(algorithm_), nullptr, native_->key.get()) == 1);
  const Bytes der = algorithm_ == Algorithm::kEd25519 ? Bytes() : der_from_fixed(signature);
  const BytesView given = algorithm_ == Algorithm::kEd25519 ? signature : BytesView(der);
  return EVP_DigestVerify(context.get(), given.data(), given.size(), message.data(), message.size()) == 1;
}

PrivateKey PrivateKey::generate(Algorithm algorithm) {
  while (true) {
    Bytes secret = random_bytes(32);
    auto key = from_secret(algorithm, secret);
    wipe(secret);
    if (key) return std::move(*key);  // A P-256 scalar out of range is drawn again; it happens once in 2^32.
  }
}

Result<PrivateKey> PrivateKey::from_secret(Algorithm algorithm, BytesView secret) {
  if (secret.size() != 32) return fail(Code::kKeyNotValid, std::to_string(secret.size()) + " bytes");
  Bytes raw;
  if (algorithm == Algorithm::kEd25519) {
    const PKey key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, secret.data(), secret.size()));
    raw.resize(32);
    std::size_t size = raw.size();
    require(key && EVP_PKEY_get_raw_public_key(key.get(), raw.data(), &size) == 1);
  } else {
    raw = p256_public(secret);
    if (raw.empty()) return fail(Code::kKeyNotValid, "P-256 scalar");
  }
  DUDAO_TRY(auto public_key, PublicKey::from_raw(algorithm, raw));
  PrivateKey out;
  out.secret_ = to_bytes(secret);
  out.public_key_ = std::move(public_key);
  return out;
}

PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&& other) noexcept {
  wipe(secret_);
  secret_ = std::move(other.secret_);
  public_key_ = std::move(other.public_key_);
  return *this;
}
PrivateKey::~PrivateKey() { wipe(secret_); }

Bytes PrivateKey::sign(BytesView message) const {
  const Algorithm algorithm = public_key_->algorithm();
  const PKey key = private_pkey(algorithm, secret_, public_key_->raw());
  DigestContext context(EVP_MD_CTX_new());
  Bytes signature(80);
  std::size_t size = signature.size();
  require(key && context &&
          EVP_DigestSignInit(context.get(), nullptr, digest_for(algorithm), nullptr, key.get()) == 1 &&
          EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1);
  signature.resize(size);
  return algorithm == Algorithm::kEd25519 ? signature : fixed_from_der(signature);
}

Bytes PrivateKey::secret() const { return secret_; }

Bytes seal(BytesView key, BytesView plain, BytesView context_bytes) {
  require(key.size() == 32);
  Bytes out = random_bytes(kNonceBytes);
  CipherContext context(EVP_CIPHER_CTX_new());
  int size = 0;
  require(context && EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(), out.data()) == 1 &&
          EVP_EncryptUpdate(context.get(), nullptr, &size, context_bytes.data(),
                            static_cast<int>(context_bytes.size())) == 1);
  out.resize(kNonceBytes + plain.size() + kTagBytes);
  require(EVP_EncryptUpdate(context.get(), out.data() + kNonceBytes, &size, plain.data(),
                            static_cast<int>(plain.size())) == 1 &&
          EVP_EncryptFinal_ex(context.get(), out.data() + kNonceBytes + size, &size) == 1 &&
          EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes,
                              out.data() + kNonceBytes + plain.size()) == 1);
  return out;
}

Result<Bytes> open_sealed(BytesView key, BytesView sealed, BytesView context_bytes) {
  require(key.size() == 32);
  if (sealed.size() < kNonceBytes + kTagBytes) return fail(Code::kSealBroken);
  const BytesView cipher = sealed.subspan(kNonceBytes, sealed.size() - kNonceBytes - kTagBytes);
  Bytes tag = to_bytes(sealed.last(kTagBytes));
  Bytes plain(cipher.size());
  CipherContext context(EVP_CIPHER_CTX_new());
  int size = 0;
  require(context && EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(), sealed.data()) == 1 &&
          EVP_DecryptUpdate(context.get(), nullptr, &size, context_bytes.data(),
                            static_cast<int>(context_bytes.size())) == 1 &&
          EVP_DecryptUpdate(context.get(), plain.data(), &size, cipher.data(), static_cast<int>(cipher.size())) == 1 &&
          EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1);
  std::uint8_t rest[16];
  if (EVP_DecryptFinal_ex(context.get(), rest, &size) != 1) {
    wipe(plain);
    return fail(Code::kSealBroken);
  }
  return plain;
}

Hash scrypt(BytesView pass_phrase, BytesView salt, unsigned cost_log2, unsigned lanes) {
  Hash out;
  const std::uint64_t cost = std::uint64_t{1} << cost_log2;
  constexpr std::uint64_t kBlock = 8;
  require(EVP_PBE_scrypt(reinterpret_cast<const char*>(pass_phrase.data()), pass_phrase.size(), salt.data(),
                         salt.size(), cost, kBlock, lanes, (cost + lanes + 3) * kBlock * 128 + (1 << 20), out.data(),
                         out.size()) == 1);
  return out;
}

}  // namespace dudao
