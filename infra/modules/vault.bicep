// The Key Vault and the app's three secrets. A secret given as a parameter is written; an empty parameter leaves what the vault holds,
// so that a later deployment needs no secret and changes none.

@description('Globally unique, 3 to 24 letters, digits and hyphens.')
@minLength(3)
@maxLength(24)
param name string
param location string
param tags object
@description('Object id of the identity the app runs as: it reads secrets.')
param principalId string
@description('Object id of the person who may set secrets; empty for nobody.')
param operatorPrincipalId string
@description('False: reachable through its private endpoint only.')
param publicAccess bool
@secure()
param encryptionKeys string
@secure()
param adminKey string
@secure()
param haloClientSecret string

var roles = loadJsonContent('../roles.json')

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 30
    // Without the encryption keys every connection must be set up anew: nobody can wipe them at once.
    enablePurgeProtection: true
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
    networkAcls: {
      // This template itself writes secrets as a trusted service.
      bypass: 'AzureServices'
      defaultAction: publicAccess ? 'Allow' : 'Deny'
    }
  }
}

resource encryptionKeysSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(encryptionKeys)) {
  parent: vault
  name: 'encryption-keys'
  properties: {
    value: encryptionKeys
  }
}

resource adminKeySecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(adminKey)) {
  parent: vault
  name: 'admin-key'
  properties: {
    value: adminKey
  }
}

resource haloClientSecretSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(haloClientSecret)) {
  parent: vault
  name: 'halo-client-secret'
  properties: {
    value: haloClientSecret
  }
}

resource reader 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId, roles.keyVaultSecretsUser)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource operator 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(operatorPrincipalId)) {
  name: guid(vault.id, operatorPrincipalId, roles.keyVaultSecretsOfficer)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsOfficer)
    principalId: operatorPrincipalId
  }
}

output id string = vault.id
output uri string = vault.properties.vaultUri
