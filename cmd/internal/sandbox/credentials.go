// The sandbox's keys. They open nothing but a sandbox and say so.

package sandbox

// Credentials of every sandbox.
const (
	ServerKey           = "sandbox-mpay-server-key"
	WebhookSecret       = "sandbox-mpay-webhook-secret"
	FlashpaySecret      = "sandbox-flashpay-project-secret"
	FlashpayToken       = "sandbox-flashpay-data-token-30"
	FlashpayTokenSecret = "sandbox-flashpay-data-token-secret"
	PseudonymKey        = "sandbox-pseudonym-key-that-protects-nobody"

	// keeperKey is 32 bytes of text in base64, the form that base64key:// takes:
	// "sandbox-sealing-key-not-a-secret".
	keeperKey = "c2FuZGJveC1zZWFsaW5nLWtleS1ub3QtYS1zZWNyZXQ="
)

// Credential is one secret as the configuration refers to it: by the name of an
// environment variable or of a file.
type Credential struct {
	Env, File, Value string
}

// Credentials lists what the configuration refers to, in its order.
func Credentials() []Credential {
	return []Credential{
		{"PAYLAKE_PSEUDONYM_KEY", "pseudonym.key", PseudonymKey},
		{"MPAY_SERVER_KEY", "mpay-server.key", ServerKey},
		{"MPAY_WEBHOOK_SECRET", "mpay-webhook.key", WebhookSecret},
		{"FLASHPAY_SECRET", "flashpay.key", FlashpaySecret},
		{"FLASHPAY_TOKEN", "flashpay-token.key", FlashpayToken},
		{"FLASHPAY_TOKEN_SECRET", "flashpay-token-secret.key", FlashpayTokenSecret},
	}
}
