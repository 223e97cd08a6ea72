package main

// The services that keep the key of `secrets:`, and the drivers that know their
// URLs.

import (
	"context"
	"fmt"
	"strings"

	"gocloud.dev/secrets"
	_ "gocloud.dev/secrets/awskms"        // awskms://
	_ "gocloud.dev/secrets/azurekeyvault" // azurekeyvault://
	_ "gocloud.dev/secrets/gcpkms"        // gcpkms://
	_ "gocloud.dev/secrets/hashivault"    // hashivault://
)

// keeperOf opens a key service. Its URL may hold a secret, and the driver's
// error quotes the URL, so of both only the scheme is shown.
func keeperOf(ctx context.Context, url string) (*secrets.Keeper, error) {
	keeper, err := secrets.OpenKeeper(ctx, url)
	if err == nil {
		return keeper, nil
	}
	scheme, _, _ := strings.Cut(url, "://")
	if !secrets.DefaultURLMux().ValidKeeperScheme(scheme) {
		return nil, fmt.Errorf("secrets: no key service is known by %s://; this build knows %s", scheme,
			strings.Join(secrets.DefaultURLMux().KeeperSchemes(), "://, ")+"://")
	}
	return nil, fmt.Errorf("secrets: the %s:// URL is not one of a key; compare it with the documentation of gocloud.dev/secrets (the URL is not shown, it may hold a secret)", scheme)
}
