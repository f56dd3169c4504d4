// The entry of `azd up`: makes the resource group, then everything of app.bicep in it.
targetScope = 'subscription'

@description('Name of the azd environment; names the resource group.')
@minLength(2)
@maxLength(24)
param environmentName string
@metadata({
  azd: {
    type: 'location'
  }
})
param location string
@description('Who runs azd: may set the secrets.')
param operatorPrincipalId string = ''
param haloUrl string = ''
param haloClientId string = ''
param haloTenant string = ''
param publicUrl string = ''
@secure()
param encryptionKeys string = ''
@secure()
param adminKey string = ''
@secure()
param haloClientSecret string = ''
param authClientId string = ''
param alertEmail string = ''
param virtualNetwork bool = false

var tags = { 'azd-env-name': environmentName }

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module app 'app.bicep' = {
  name: 'halo-bc'
  scope: group
  params: {
    name: environmentName
    location: location
    tags: tags
    operatorPrincipalId: operatorPrincipalId
    haloUrl: haloUrl
    haloClientId: haloClientId
    haloTenant: haloTenant
    publicUrl: publicUrl
    encryptionKeys: encryptionKeys
    adminKey: adminKey
    haloClientSecret: haloClientSecret
    authClientId: authClientId
    alertEmail: alertEmail
    virtualNetwork: virtualNetwork
  }
}

output AZURE_LOCATION string = location
output AZURE_TENANT_ID string = tenant().tenantId
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_APP_NAME string = app.outputs.functionAppName
output AZURE_KEY_VAULT_NAME string = app.outputs.vaultName
output AZURE_IDENTITY_PRINCIPAL_ID string = app.outputs.identityPrincipalId
output HALO_BC_URL string = app.outputs.url
output HALO_BC_REDIRECT_URI string = app.outputs.redirectUri
